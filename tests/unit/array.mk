# unit tests of array
