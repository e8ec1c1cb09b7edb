#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# From addresses to names, where linkers and compilers left debug information half done. The source
# says which line is true.

load helpers

line_of() {
    grep -n "line: $2 \*/" "$1" | cut -d: -f1
}

# where FILE BYTES: the stack of the site that allocated so many, as "function file:line", outermost main
where() {
    "$tool" report --format=json "$1" | jq -r --argjson bytes "$2" '.sites[] | select(.bytes_allocated == $bytes)
        | .stack | .[: (map(.function) | index("main") + 1)][]
        | "\(.function) \(.file // "?" | sub(".*/"; "")):\(.line)\(if .inlined then " inlined" else "" end)"'
}

# A function that nobody calls, longer than all that is before the first code of a program.
write_removed() {
    echo "void removed$1(void) {"
    seq -f '    v = %g;' 1500
    echo "}"
}

# removed_program COMPILER OPTION...: two units, each with removed code and with code that is called
removed_program() {
    {
        echo "volatile int v; void *volatile kept; void *malloc(unsigned long); void other(void);"
        write_removed 1
        cat <<-'END'
	static inline __attribute__((always_inline)) void inner(int n) { kept = malloc(n); } /* line: inner */
	__attribute__((noinline)) void live(int n) { v++;
	    inner(n); /* line: live */
	    v--; }
	int main(void) {
	    live(1234); /* line: main-live */
	    other(); /* line: main-other */
	    return 0; }
	END
    } >first.c
    {
        echo "extern volatile int v; extern void *volatile kept; void *malloc(unsigned long);"
        cat <<-'END'
	__attribute__((noinline)) void other(void) { v++;
	    kept = malloc(4321); /* line: other */
	    v--; }
	END
        write_removed 2
    } >second.c
    "$@" -O2 -fno-builtin -w -ffunction-sections -Wl,--gc-sections -o program first.c second.c
}

lines_are_true_with() {
    echo "$*"
    removed_program "$@"
    "$tool" run -q -o x.ht -- ./program
    where x.ht 1234 >out
    diff out - <<-END
	inner first.c:$(line_of first.c inner) inlined
	live first.c:$(line_of first.c live)
	main first.c:$(line_of first.c main-live)
	END
    where x.ht 4321 >out
    diff out - <<-END
	other second.c:$(line_of second.c other)
	main first.c:$(line_of first.c main-other)
	END
}

@test "functions that gcc's linker removed take no lines from those that are there" {
    need_tracking
    need gcc
    need jq
    lines_are_true_with gcc -g
    lines_are_true_with gcc -gdwarf-4
    lines_are_true_with gcc -g -gz
    lines_are_true_with gcc -g -gsplit-dwarf
}

@test "functions that clang's linker removed take no lines from those that are there" {
    need_tracking
    need clang
    need jq
    lines_are_true_with clang -g
    lines_are_true_with clang -gdwarf-4 -gz
}

@test "functions that lld removed take no lines from those that are there" {
    need_tracking
    need clang
    need ld.lld lld
    need jq
    lines_are_true_with clang -g -fuse-ld=lld
}

@test "functions that the linker removed take no lines from a device's code behind the vectors at address 0" {
    need jq
    need arm-none-eabi-gcc gcc-arm-none-eabi
    need arm-none-eabi-objdump binutils-arm-none-eabi
    printf '.section .vectors, "ax"\n.global vectors\nvectors: .word 0x20001000, main\n' >vectors.s
    removed_program arm-none-eabi-gcc -g -mcpu=cortex-m3 -mthumb -nostdlib -Wl,--section-start=.vectors=0 \
        -Wl,-Ttext=0x40 -Wl,-u,vectors -Wl,-e,main -Wl,--defsym=malloc=0x8001 vectors.s
    calls=$(for function in live main; do
        arm-none-eabi-objdump -d --no-show-raw-insn program |
            awk -v f="<$function>:" '$2 == f { on = 1 } on && $2 == "bl" { sub(":", "", $1); print $1; exit }'
    done)
    "$make_state" x.ht module="$PWD/program" stack="$(paste -sd, <<<"$calls")"
    "$tool" report --format=json x.ht >out
    json out '.sites[] | select(.bytes_allocated == 1000) | .stack | map([.function, .line])' \
        "[[\"inner\",$(line_of first.c inner)],[\"live\",$(line_of first.c live)],[\"main\",$(line_of first.c main-live)]]"
}

@test "inlined functions are named where the debug information is in .dwo files, and a missing one is said" {
    need_tracking
    need jq
    source=$HT_SOURCE/tests/tool/places.c
    tried=0
    for compiler in gcc clang; do
        command -v $compiler >/dev/null || continue
        tried=$((tried + 1))
        for version in 4 5; do
            echo "$compiler, DWARF $version"
            $compiler -O2 -fno-builtin -gdwarf-$version -gsplit-dwarf -c -o program.o "$source"
            $compiler -o program program.o
            "$tool" run -q -o x.ht -- ./program
            # One site for each half of hold().
            "$tool" report --format=json x.ht >out
            json out '[.sites[].stack | map(.function) | .[: index("main") + 1] | join(" ")] | sort' \
                '["innermost middle hold main","must_malloc hold main"]'
            json out '[.sites[].stack[] | select(.function == "middle") | .line]' "[$(line_of "$source" middle)]"

            rm program.dwo
            split "$tool" run -q -o x.ht -- ./program
            [ "$(grep -c 'program was built with -gsplit-dwarf, and its program.dwo is not found: inl' <<<"$err")" -eq 1 ]
        done
    done
    [ "$tried" -gt 0 ] || skip "gcc and clang are missing (apt-get install gcc)"
}

@test "what is in a .dwp package is named, or a line says which elfutils reads packages" {
    need_tracking
    need gcc
    need dwp binutils
    gcc -O2 -fno-builtin -gdwarf-4 -gsplit-dwarf -c -o program.o "$HT_SOURCE/tests/tool/places.c"
    gcc -o program program.o
    dwp -e program
    rm program.dwo
    split "$tool" run -q -o x.ht -- ./program
    "$tool" report x.ht >out
    if [ -n "$err" ]; then
        [[ $err == *"its program.dwo is not found (elfutils 0."*" takes nothing from program.dwp: 0.191 and later "*"): inlined"* ]]
        [ "$(wc -l <<<"$err")" -eq 1 ]
    else
        grep -q 'middle (inlined)' out
    fi
}

@test "debug information that is compressed by zstd is read, or a line says which elfutils reads it" {
    need_tracking
    need gcc
    need objcopy binutils
    gcc -g -O2 -fno-builtin -o program "$HT_SOURCE/tests/tool/places.c"
    objcopy --compress-debug-sections=zstd program 2>objcopy.err || skip "objcopy knows no zstd"
    split "$tool" run -q -o x.ht -- ./program
    "$tool" report x.ht >out
    if [ -n "$err" ]; then
        [[ $err == *"the debug information of $PWD/program is compressed as elfutils 0."*" cannot read it (zstd: 0.189 and later"* ]]
        [ "$(wc -l <<<"$err")" -eq 1 ]
        objcopy --decompress-debug-sections program
        split "$tool" run -q -o x.ht -- ./program
        [ -z "$err" ]
        "$tool" report x.ht >out
    fi
    grep -Eq 'middle.*\(inlined\)|innermost \(inlined\)' out
}

@test "what dwz moved into a shared file is named, and a missing one is said" {
    need_tracking
    need gcc
    need dwz
    gcc -g -O2 -fno-builtin -o program "$HT_SOURCE/tests/tool/places.c"
    cp program other
    dwz -m shared.debug program other
    split "$tool" run -q -o x.ht -- ./program
    [ -z "$err" ]
    "$tool" report x.ht >out
    grep -Eq 'middle.*\(inlined\)|innermost \(inlined\)' out
    rm shared.debug
    split "$tool" run -q -o x.ht -- ./program
    [[ $err == *"the debug information of $PWD/program is not whole, and "*"shared.debug, which has the rest (dwz), is not found"* ]]
    [ "$(wc -l <<<"$err")" -eq 1 ]
}
