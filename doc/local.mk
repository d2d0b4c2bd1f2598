# documentation: the manual page and the texts
dist_man1_MANS += doc/mixbar.1
dist_doc_DATA += doc/guide.md doc/models.md doc/models-array.md doc/models-cost.md doc/models-analog.md doc/models-devices.md doc/design.md
