# unit tests of run
