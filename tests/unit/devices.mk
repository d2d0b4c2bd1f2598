# unit tests of devices
