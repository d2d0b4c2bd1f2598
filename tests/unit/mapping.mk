# unit tests of mapping
check_PROGRAMS += tests/unit/test_plan
tests_unit_test_plan_SOURCES = tests/unit/test_plan.c tests/unit/mbtest.h tests/unit/testnet.h
TESTS += tests/unit/test_plan

check_PROGRAMS += tests/unit/test_policy
tests_unit_test_policy_SOURCES = tests/unit/test_policy.c tests/unit/mbtest.h tests/unit/testnet.h
TESTS += tests/unit/test_policy

check_PROGRAMS += tests/unit/test_knapsack
tests_unit_test_knapsack_SOURCES = tests/unit/test_knapsack.c tests/unit/mbtest.h
TESTS += tests/unit/test_knapsack

check_PROGRAMS += tests/unit/test_mixed
tests_unit_test_mixed_SOURCES = tests/unit/test_mixed.c tests/unit/mbtest.h tests/unit/testnet.h
TESTS += tests/unit/test_mixed
