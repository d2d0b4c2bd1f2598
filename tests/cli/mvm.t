#!/bin/sh
# mvm.t - mixbar mvm: outputs, explanation, formats, messages for bad input
. "${top_srcdir:-.}/tests/cli/lib.sh"
