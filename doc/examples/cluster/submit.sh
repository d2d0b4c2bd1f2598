#!/bin/sh
# submit.sh EXP.cfg DIR N - N shards as a job array, and a job that merges them when all are done
set -eu
here=$(cd "$(dirname "$0")" && pwd)
id=$(sbatch --parsable --array="0-$(($3 - 1))" "$here/array.sbatch" "$1" "$2")
sbatch --dependency="afterok:$id" "$here/merge.sbatch" "$2" "$3"
echo "the array is job $id"
