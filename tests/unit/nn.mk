# unit tests of nn
