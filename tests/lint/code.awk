# code.awk - rules of the house that can be read off C files. Input: .c and .h files, named relative to the root of the sources.
# Output: FILE:LINE: RULE: what is wrong. Comments and the contents of strings are removed before the rules look (includes excepted).

function floor_of(folder) {
    if (folder == "base") return 1
    if (folder == "nn") return 2
    if (folder == "mapping" || folder == "array" || folder == "devices") return 3
    if (folder == "cost") return 4
    if (folder == "run") return 5
    if (folder == "cli") return 6
    return 0
}

# "src/nn/x.c" -> "nn", "mapping/plan.c" -> "mapping"
function folder_of(path,    part, n) {
    n = split(path, part, "/")
    return part[1] == "src" ? part[2] : part[1]
}

function say(rule, text) { printf "%s:%d: %s: %s\n", FILENAME, FNR, rule, text }

# A call of one of the functions in LIST ("a|b|c"), as a whole word.
function calls(code, list) { return code ~ "(^|[^A-Za-z0-9_])(" list ")[ \t]*\\(" }
function word(code, list) { return code ~ "(^|[^A-Za-z0-9_])(" list ")([^A-Za-z0-9_]|$)" }

# LINE without comments, strings emptied. in_comment is kept between lines.
function strip(line,    out, i, n, c, two, quote) {
    out = ""
    n = length(line)
    quote = ""
    for (i = 1; i <= n; i++) {
        c = substr(line, i, 1)
        two = substr(line, i, 2)
        if (in_comment) {
            if (two == "*/") { in_comment = 0; i++; out = out " " }
        } else if (quote != "") {
            if (c == "\\") i++
            else if (c == quote) { quote = ""; out = out c }
        } else if (two == "/*") { in_comment = 1; i++ }
        else if (two == "//") break
        else { if (c == "\"" || c == "'") quote = c; out = out c }
    }
    return out
}

function check_include(header,    to, slash) {
    if (header == "config.h") return
    slash = index(header, "/")
    to = slash ? folder_of(header) : ""
    if (!floor_of(to)) { say("floors", "include \"" header "\" does not name its floor (base/, nn/, array/, mapping/, devices/, cost/, run/, cli/)"); return }
    if (floor_of(to) > floor_of(me)) say("floors", me " includes " header ", which is on a higher floor")
    if ((me == "mapping" && to == "array") || (me == "array" && to == "mapping")) say("floors", "mapping and array do not know each other: " header)
    if (me == "devices" && to != "base" && to != "devices" && header != "array/cell.h" && header != "array/adc.h")
        say("floors", "devices see only array/cell.h, array/adc.h and base: " header)
    if (me == "mapping" && to == "devices") say("floors", "mapping does not know devices: " header)
}

# Sums and products over threads or lanes are exact for integers only: the variable's declaration above must say so. Minimum, maximum and bit operations are exact.
function check_reductions(code,    rest, list, var, n, i) {
    rest = code
    while (match(rest, /reduction[ \t]*\([^)]*\)/)) {
        list = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        sub(/^reduction[ \t]*\(/, "", list)
        sub(/\)$/, "", list)
        if (list ~ /^[ \t]*(min|max|\||&|\^)/) continue
        sub(/^[^:]*:/, "", list)
        n = split(list, var, ",")
        for (i = 1; i <= n; i++) {
            gsub(/[ \t]/, "", var[i])
            if (declared ~ ("(^|[^A-Za-z0-9_])(float|double)[^;(){}\n]*[^A-Za-z0-9_]" var[i] "([^A-Za-z0-9_]|\n)"))
                say("threads", "no reduction of floating numbers: " var[i] " (sums have one order)")
            else if (declared !~ ("(^|[^A-Za-z0-9_])(int|unsigned|long|size_t|u?int(8|16|32|64)_t)[^;(){}\n]*[^A-Za-z0-9_]" var[i] "([^A-Za-z0-9_]|\n)"))
                say("threads", "reduction of " var[i] ", whose integer type is not seen above")
        }
    }
}

FNR == 1 {
    in_comment = 0
    declared = ""
    me = folder_of(FILENAME)
    library = me != "cli"
    name = FILENAME
    sub(/.*\//, "", name)
    if (index($0, "/* " name " - ") != 1) say("head", "the first line is to be \"/* " name " - purpose\"")
}

{
    raw = $0
    code = strip(raw)
    if (code ~ /^[ \t]*#[ \t]*include[ \t]*"/) {
        header = raw
        sub(/^[^"]*"/, "", header)
        sub(/".*/, "", header)
        check_include(header)
    }
    if (calls(code, "strcpy|strncpy|strcat|strncat|sprintf|vsprintf|gets|strtok|strtok_r|atoi|atol|atoll|atof|rand|srand|random|srandom|drand48|system|alloca|tmpnam|mktemp"))
        say("banned", "banned call: " code)
    if (word(code, "alloca_h|__builtin_alloca")) say("banned", "no alloca")
    if (library && calls(code, "printf|vprintf|puts|putchar|perror|exit|_exit|_Exit|quick_exit|abort|assert|err|errx|warn|warnx"))
        say("silent", "the library prints nothing and never ends the program: " code)
    if (library && word(code, "stdout|stderr") && FILENAME != "src/base/error.c") say("silent", "the library does not know stdout and stderr: " code)
    if (code ~ /#[ \t]*pragma[ \t]+omp/) {
        # wire_mesh.c: mb_wire_effective is a single call with a documented number of threads; nn/parallel.c: the passes of training
        if (code !~ /omp[ \t]+simd/ && FILENAME != "src/run/simulate.c" && FILENAME != "src/array/wire_mesh.c" && FILENAME != "src/nn/parallel.c") say("threads", "parallel loops stand in src/run/simulate.c only")
        check_reductions(code)
    }
    if (code ~ /_Pragma/) say("threads", "write #pragma, so that this can be read")
    declared = declared "\n" code
    # exec_dnnl.c keeps oneDNN from starting threads of its own
    if (code ~ /#[ \t]*include[ \t]*<(omp|pthread|threads)\.h>/ && FILENAME != "src/nn/exec_dnnl.c" && FILENAME != "src/nn/parallel.c" && me != "run" && me != "cli") say("threads", "threads belong to src/run/simulate.c")
    if (me != "run" && me != "cli" && calls(code, "time|clock|clock_gettime|gettimeofday|localtime|gmtime|omp_get_wtime"))
        say("time", "no result may depend on time: " code)
    if (me != "run" && me != "cli" && code ~ /#[ \t]*include[ \t]*<(time|sys\/time)\.h>/) say("time", "clocks belong to run and cli")
    if (calls(code, "setlocale")) say("time", "numbers are read and written in the C locale")
}
