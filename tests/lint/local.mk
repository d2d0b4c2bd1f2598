# lint: the rules of the house (floors, banned calls, silence of the library, threads, lists)
dist_check_SCRIPTS += tests/lint/lint.t
dist_check_DATA += tests/lint/rules.sh tests/lint/code.awk
TESTS += tests/lint/lint.t
