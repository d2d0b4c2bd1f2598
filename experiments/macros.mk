nobase_dist_pkgdata_DATA += experiments/digital-macro.cfg
# published macros: description, operating points, breakdowns
nobase_dist_pkgdata_DATA += experiments/macros/aimc-22nm-2021.cfg experiments/macros/aimc-22nm-2021.csv
nobase_dist_pkgdata_DATA += experiments/macros/aimc-28nm-2023.cfg experiments/macros/aimc-28nm-2023.csv
nobase_dist_pkgdata_DATA += experiments/macros/colonnade-2021.cfg experiments/macros/colonnade-2021.csv experiments/macros/colonnade-2021-parts.csv
nobase_dist_pkgdata_DATA += experiments/macros/dimc-28nm-2022-11-7.cfg experiments/macros/dimc-28nm-2022-11-7.csv
nobase_dist_pkgdata_DATA += experiments/macros/dimc-28nm-2022-15-5.cfg experiments/macros/dimc-28nm-2022-15-5.csv
nobase_dist_pkgdata_DATA += experiments/macros/dimc-28nm-2023-16-3.cfg experiments/macros/dimc-28nm-2023-16-3.csv
nobase_dist_pkgdata_DATA += experiments/macros/hermes-2022.cfg experiments/macros/hermes-2022.csv
nobase_dist_pkgdata_DATA += experiments/macros/jia-2020.cfg experiments/macros/jia-2020.csv experiments/macros/jia-2020-parts.csv
nobase_dist_pkgdata_DATA += experiments/macros/neurram-2022.cfg experiments/macros/neurram-2022.csv experiments/macros/neurram-2022-parts.csv
nobase_dist_pkgdata_DATA += experiments/macros/sinangil-2021.cfg experiments/macros/sinangil-2021.csv experiments/macros/sinangil-2021-parts.csv
