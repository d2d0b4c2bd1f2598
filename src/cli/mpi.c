/* mpi.c - messages between ranks: MPI_Send, and MPI_Iprobe before each MPI_Recv, so that nobody waits with a spinning processor
 *
 * MPI is started only where the environment says that there are other ranks: a mixbar of its own never pays for it. MPI 3.1 standard, https://www.mpi-forum.org/docs/
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cli/mpi.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"

static int number_of(const char *name) {
    const char *s = getenv(name);
    const long n = s ? strtol(s, NULL, 10) : 0;
    return n > 0 && n < INT_MAX ? (int)n : 0;
}

bool mb_mpi_started(void) {
    return number_of("OMPI_COMM_WORLD_SIZE") > 1 || number_of("PMI_SIZE") > 1 || (getenv("PMIX_RANK") && number_of("SLURM_NTASKS") > 1);
}

#ifdef MB_HAVE_MPI
#include <mpi.h>

#define TAG 1

static int failed(int code, const char *what) {
    char text[MPI_MAX_ERROR_STRING] = "";
    int n = 0;
    if (MPI_Error_string(code, text, &n) != MPI_SUCCESS) n = 0;
    return mb_fail(MB_SYSTEM, "MPI: %s: %.*s", what, n, text);
}

static int team_send(void *ctx, int to, const void *data, size_t n) {
    (void)ctx;
    if (n > INT_MAX) return mb_fail(MB_SYSTEM, "MPI: a message of %zu bytes is too long", n);
    int rc = MPI_Send(data, (int)n, MPI_BYTE, to, TAG, MPI_COMM_WORLD);
    return rc == MPI_SUCCESS ? MB_OK : failed(rc, "sending");
}

static int team_poll(void *ctx, int *from, void **data, size_t *n) {
    MPI_Status st;
    int there = 0, bytes = 0;
    (void)ctx;
    *data = NULL;
    int rc = MPI_Iprobe(MPI_ANY_SOURCE, TAG, MPI_COMM_WORLD, &there, &st);
    if (rc != MPI_SUCCESS) return failed(rc, "looking for messages");
    if (!there) return MB_OK;
    rc = MPI_Get_count(&st, MPI_BYTE, &bytes);
    if (rc != MPI_SUCCESS) return failed(rc, "receiving");
    void *p = mb_malloc((size_t)bytes, 1);
    if (!p) return mb_nomem();
    rc = MPI_Recv(p, bytes, MPI_BYTE, st.MPI_SOURCE, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (rc != MPI_SUCCESS) {
        mb_free(p);
        return failed(rc, "receiving");
    }
    *from = st.MPI_SOURCE;
    *n = (size_t)bytes;
    *data = p;
    return MB_OK;
}

int mb_mpi_open(mb_team *team) {
    int given = 0, rc = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given);
    if (rc != MPI_SUCCESS) return failed(rc, "starting");
    if (given < MPI_THREAD_FUNNELED) return mb_fail(MB_SYSTEM, "MPI: this library does not allow threads beside it");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    *team = (mb_team){.send = team_send, .poll = team_poll};
    MPI_Comm_rank(MPI_COMM_WORLD, &team->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &team->size);
    return MB_OK;
}

void mb_mpi_close(void) {
    int on = 0, off = 0;
    if (MPI_Initialized(&on) == MPI_SUCCESS && on && MPI_Finalized(&off) == MPI_SUCCESS && !off) MPI_Finalize();
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
const char *mb_mpi_version(void) { return "Open MPI " TEXT(OMPI_MAJOR_VERSION) "." TEXT(OMPI_MINOR_VERSION) "." TEXT(OMPI_RELEASE_VERSION); }
#else
int mb_mpi_open(mb_team *team) {
    (void)team;
    return mb_fail(MB_USAGE, "this mixbar was built without Open MPI and cannot run under mpirun (Debian: apt-get install libopenmpi-dev, then build again); "
                             "--shard I/N needs none");
}
void mb_mpi_close(void) {}
const char *mb_mpi_version(void) { return NULL; }
#endif
