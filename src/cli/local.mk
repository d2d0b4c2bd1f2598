mixbar_SOURCES += src/cli/main.c
