/* family.h - `mixbar show family NAME`: keys and layers of a built-in network */
#ifndef MB_CLI_FAMILY_H
#define MB_CLI_FAMILY_H

#include "cli/cli.h"
#include "cli/doc.h"

/* SET: keys of the family, KEY=VALUE. MB_BADINPUT with the nearest name for an unknown family. */
int mb_cli_show_family(mb_doc *d, const char *name, const mb_strings *set);

#endif
