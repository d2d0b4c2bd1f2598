/* mpi.h - the processes that mpirun (or srun --mpi) started, as a team that shares the points of a run (run/point.h)
 *
 * Only the thread that opened it may use it.
 */
#ifndef MB_CLI_MPI_H
#define MB_CLI_MPI_H

#include <stdbool.h>

#include "run/point.h"

/* Was this program started with others, by mpirun or srun? */
bool mb_mpi_started(void);
/* MB_SYSTEM when MPI cannot be started, MB_USAGE when mixbar was built without it. After it, also when it failed: mb_mpi_close(). */
int mb_mpi_open(mb_team *team);
void mb_mpi_close(void);
const char *mb_mpi_version(void);   /* "Open MPI 4.1.4"; NULL: built without */

#endif
