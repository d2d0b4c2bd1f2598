# unit tests of cost
