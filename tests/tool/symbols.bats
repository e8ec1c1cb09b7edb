#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# From addresses to names. State files name a program's real addresses; what they are
# is known from its source, or from addr2line.

load helpers

teardown() {
    [ -z "${server-}" ] || kill "$server" 2>/dev/null || true
}

# site FILE: the frames of the site that make_state's stack= added
site() {
    "$tool" report --format=json "$1" | jq -r '.sites[] | select(.bytes_allocated == 1000) | .stack[]
        | "\(.function)\(if .after then " (after \(.after))" else "" end) \(.file // "?" | sub(".*/"; "")):\(.line)\(if .inlined then " inlined" else "" end)"'
}

line_of() {
    grep -n "line: $1 \*/" "$HT_SOURCE/tests/tool/places.c" | cut -d: -f1
}

build_id() {
    readelf -n "$1" | awk '/Build ID/ { print $3 }'
}

# calls PROGRAM FUNCTION: the addresses of the calls in it
calls() {
    objdump -d --no-show-raw-insn "$1" | awk -v f="<$2>:" '$2 == f { on = 1; next } /^$/ { on = 0 }
        on && /call/ { sub(":", "", $1); print $1 }'
}

places() {
    need readelf binutils
    need jq
    places=$HT_BUILD/tests/tool/places
    [ "$(uname -m)" = x86_64 ] || skip "it looks for x86-64's call instructions"
    hold=($(calls "$places" hold)) wrapper=($(calls "$places" xmalloc)) main=($(calls "$places" main))
    cp "$places" program
}

@test "inlined functions, files and lines come from debug information" {
    places
    "$make_state" x.ht module="$PWD/program" build_id="$(build_id program)" stack="${hold[0]},${main[0]}"
    site x.ht >out
    diff out - <<END
innermost places.c:$(line_of innermost) inlined
middle places.c:$(line_of middle) inlined
hold places.c:$(line_of hold-inlined)
main places.c:$(line_of main)
END
}

@test "the deciding frame is the caller of a wrapper" {
    places
    "$make_state" x.ht program="$PWD/program" module="$PWD/program" stack="${wrapper[0]},${hold[1]},${main[0]}"
    "$tool" report x.ht >out
    grep -Eq "^ .* 1000 B +1  hold  places.c:$(line_of hold-wrapped)\$" out
    grep -Eq "^ +\S+ main places.c:$(line_of main)\$" out
}

@test "what another library calls back in a stripped program is the program's" {
    need_tracking
    need cc gcc
    need jq
    cat >each.c <<-'END'
	void each(void (*call)(void)) { call(); __asm__ volatile(""); }
	END
    cat >program.c <<-'END'
	#include <stdlib.h>
	void each(void (*call)(void));
	static void *volatile kept;
	static void hold(void) { *(char *)(kept = malloc(1000)) = 1; }
	int main(void) { each(hold); return 0; }
	END
    cc -O1 -w -shared -fPIC -o libeach.so each.c
    cc -O1 -w -s -o program program.c ./libeach.so
    "$tool" run -q -o x.ht ./program
    "$tool" report x.ht >out
    grep -Eq '^ .* 1000 B +1  program\+0x[0-9a-f]+$' out
    grep -Eq '^ +← each +libeach\.so' out
    "$tool" report --format=csv x.ht >out
    grep -q ',"program+0x[0-9a-f]*","",0,"[^"]*/program","program+0x[0-9a-f]* <- each <- ' out
    "$tool" report --format=html -o x.html x.ht
    sed -n 's#^<script type="application/json" id="document">\(.*\)</script>$#\1#p' x.html |
        jq -r '.sites.who[] as $frame | .strings[.frames.function[$frame]]' >out
    grep -q '^program+0x' out
    fails grep -x each out
}

@test "a line that is not known is no line 0" {
    need_tracking
    need clang # gcc and gas know no line 0
    need jq
    cat >program.c <<-'END'
	#include <stdlib.h>
	void *volatile kept;
	__attribute__((noinline)) void start(void)
	{
	#line 0 "program.c"
	    *(char *)(kept = malloc(1000)) = 1;
	#line 7 "program.c"
	}
	int main(void) { start(); return 0; }
	END
    clang -g -O1 -w -o program program.c
    "$tool" run -q -o x.ht ./program
    "$tool" report x.ht >out
    grep -Eq ' start  program\.c$' out
    "$tool" report --format=massif x.ht >out
    grep -q ': start (.*program\.c)$' out
    "$tool" report --format=json x.ht >out
    json out '.sites[] | select(.bytes_allocated == 1000) | .stack[0] | [.line, (.file | endswith("program.c"))]' '[0,true]'
    check 1 --site='start:live=0' x.ht
    grep -q 'start at program\.c$' <<<"$out"
    split "$tool" torture -- ./program
    grep -Eq ' start +program\.c$' <<<"$out$err"
}

@test "separate debug information is found by its link" {
    places
    need objcopy binutils
    objcopy --only-keep-debug program elsewhere.debug
    strip -g program
    "$make_state" x.ht module="$PWD/program" stack="${hold[0]},${main[0]}"
    site x.ht >out
    grep -q '^hold ?:0$' out
    objcopy --add-gnu-debuglink=elsewhere.debug program
    site x.ht >out
    grep -q "^innermost places.c:$(line_of innermost) inlined$" out
}

@test "a stripped program gives its exported names, else module and offset" {
    places
    strip program
    "$make_state" x.ht module="$PWD/program" stack="${hold[0]},${main[0]}"
    split "$tool" report x.ht
    [ -z "$err" ]
    [[ $out == *"program+0x$(printf %x $((0x${hold[0]})))"* ]]
    [[ $out == *"program has no symbols here"*"-dbgsym"*"--debuginfod"* ]]
    libc=$(ldd "$tool" | awk '/libc.so.6/ { print $3 }')
    [ -n "$libc" ] || skip "not glibc"
    puts=$(objdump -T "$libc" | awk '$NF == "puts" { print $1; exit }')
    "$make_state" x.ht module="$(realpath "$libc")" stack="$(printf %x $((0x$puts + 8)))"
    site x.ht >out
    grep -q 'puts ' out # or one of its other names, where libc's debug information is there
}

@test "without debug information two static functions of one name are two" {
    need_tracking
    need jq
    for at in 1 2; do
        cat >part$at.c <<-END
	#include <stdlib.h>
	extern void *volatile kept;
	static __attribute__((noipa)) void helper(void) { kept = malloc(${at}00); }
	void part$at(void) { helper(); }
	END
    done
    echo 'void *volatile kept; void part1(void), part2(void); int main(void) { part1(); part2(); return 0; }' >main.c
    "${CC:-cc}" -O1 -fno-builtin -w -fno-optimize-sibling-calls -o program main.c part1.c part2.c
    "$tool" run -q -o x.ht ./program
    at=($(nm program | awk '$3 == "helper" { sub("^0*", "0x", $1); print $1 }'))
    [ "${#at[@]}" -eq 2 ]
    mkdir raw
    HEAPTRACKER_OPTIONS=state_dir=$PWD/raw:quiet=1 LD_PRELOAD=$HT_BUILD/lib/libheaptracker-preload.so ./program
    for file in x.ht raw/*; do # as the file has them, and looked up
        "$tool" report --top=20 "$file" >out
        grep -Eq " 100 B +1  helper \(at (${at[0]}|${at[1]})\)\$" out
        grep -Eq " 200 B +1  helper \(at (${at[0]}|${at[1]})\)\$" out
        "$tool" report --format=collapsed "$file" >out
        [ "$(grep -Eo 'helper \(at [^)]*\)' out | sort -u | wc -l)" -eq 2 ]
        "$tool" report --format=json "$file" >out
        json out '[.sites[].stack[0] | select(.function == "helper").at] | sort' \
            "$(printf '["%s","%s"]' $(printf '%s\n' "${at[@]}" | sort))"
        json out '[.sites[].stack[] | select(.function != "helper").at] | unique' '[null]'
    done
    # A link that compiles calls them apart, and the parts of each.
    objcopy --redefine-sym helper=helper.lto_priv.0 --redefine-sym part2=helper.lto_priv.1 \
        --redefine-sym part1=helper.lto_priv.0.cold program renamed
    "$tool" run -q -o renamed.ht ./renamed
    "$tool" report --format=json renamed.ht >out
    json out '[.sites[].stack[] | select(.function == "helper") | .at != null] | sort' '[false,true,true,true]'
    # Another build has them elsewhere.
    echo 'int more(void) { return 1; }' >>part1.c
    "${CC:-cc}" -O1 -fno-builtin -w -fno-optimize-sibling-calls -o program part2.c part1.c main.c
    "$tool" run -q -o new.ht ./program
    "$tool" diff --format=json x.ht new.ht >out
    json out '[.sites[].change] | unique' '["same"]'
    [[ $(<out) != *'"at"'* ]]
}

@test "code behind the end of a stripped program's exported function is not that function" {
    need objdump binutils
    need gcc
    need jq
    cat >program.c <<-'END'
	#include <stdlib.h>
	void *volatile kept;
	__attribute__((noipa)) void shown(void) { kept = calloc(1, 3); }
	static __attribute__((noipa)) void hidden(void) { kept = malloc(3); }
	int main(void) { shown(); hidden(); return 0; }
	END
    gcc -O1 -fno-builtin -fno-toplevel-reorder -rdynamic -w -o program program.c
    hidden=$(calls "$PWD/program" hidden) shown=$(calls "$PWD/program" shown)
    strip program
    "$make_state" x.ht module="$PWD/program" stack="$hidden"
    site x.ht >out
    grep -qx "program+0x$hidden (after shown) ?:0" out
    split "$tool" check --site='shown:total=0' --site='*shown*:total=0' x.ht
    [ "$(grep -c 'site .*shown.*(no site matches)' <<<"$out")" -eq 2 ]
    echo 'leak:shown' >supp
    split "$tool" check --suppressions=supp --max-live=0 x.ht
    fails grep -q '1000 suppressed' <<<"$out"
    split "$tool" check --site="program+0x$hidden:total=0" x.ht
    [ "$status" -eq 1 ]
    grep -q "program+0x$hidden (after shown)" <<<"$out"
    for format in text csv collapsed massif heaptrack; do
        "$tool" report --format=$format x.ht >out
        grep -Fq "program+0x$hidden (after shown)" out
    done
    "$make_state" x.ht module="$PWD/program" stack="$shown"
    site x.ht >out
    grep -qx 'shown ?:0' out
}

@test "the symbol before a place without a name is a field of its own, in run and report" {
    need_tracking
    need gcc
    need jq
    cat >program.c <<-'END'
	#include <stdlib.h>
	void *volatile kept;
	__attribute__((noipa)) void shown(void) { kept = calloc(1, 3); }
	static __attribute__((noipa)) void hidden(void) { kept = malloc(777); }
	int main(void) { shown(); hidden(); return 0; }
	END
    gcc -O1 -fno-builtin -fno-toplevel-reorder -rdynamic -w -s -o program program.c
    "$tool" run --format=json -o x.ht ./program 2>run.json # takes the names that it keeps
    "$tool" report --format=json x.ht >x.json
    for file in run.json x.json; do
        json $file '.sites[] | select(.bytes_allocated == 777) | .stack[0] | [(.function | sub("0x.*"; "")), .after]' \
            '["program+","shown"]'
        json $file '[.sites[] | select(.bytes_allocated == 3) | .stack[0] | .function, has("after")]' '["shown",false]'
    done
}

@test "a changed or missing file is said once and gives no names" {
    places
    "$make_state" x.ht module="$PWD/program" build_id=0123456789abcdef stack="${hold[0]},${main[0]}"
    split "$tool" report x.ht
    [ "$status" -eq 0 ]
    one_line "$err"
    [[ $err == *"program has changed since: its addresses are shown without names" ]]
    [[ $out == *"program+0x$(printf %x $((0x${hold[0]})))"* ]]
    rm program
    split "$tool" report x.ht
    one_line "$err"
    [[ $err == *"program is not there any more: its addresses are shown without names" ]]
    echo "not a program" >program
    split "$tool" report x.ht
    [ "$status" -eq 0 ]
    one_line "$err"
}

@test "a file without a build-id that is newer than the program's start is said once and gives no names" {
    places
    now=$(date +%s%N)
    touch -d @$((now / 1000000000 - 60)) program
    "$make_state" x.ht start_realtime_ns="$now" module="$PWD/program" stack="${hold[0]},${main[0]}"
    site x.ht >out
    grep -q "^main places.c:$(line_of main)$" out
    touch -d @$((now / 1000000000 + 60)) program
    split "$tool" report x.ht
    [ "$status" -eq 0 ]
    one_line "$err"
    [[ $err == *"program is newer than the program's start, and has no build-id (-Wl,--build-id)"*"without names" ]]
    [[ $out == *"program+0x$(printf %x $((0x${hold[0]})))"* ]]
    # A build-id knows better, and a clock that was not set knows nothing.
    "$make_state" x.ht start_realtime_ns="$now" module="$PWD/program" build_id="$(build_id program)" stack="${main[0]}"
    site x.ht >out
    grep -q "^main places.c:$(line_of main)$" out
    "$make_state" x.ht start_realtime_ns=60000000000 module="$PWD/program" stack="${main[0]}"
    site x.ht >out
    grep -q "^main places.c:$(line_of main)$" out
}

@test "a program without a build-id that is replaced while it runs is not taken for its successor" {
    need_tracking
    need gcc
    need jq
    cat >program.c <<-'END'
	#include <stdlib.h>
	void *volatile kept;
	__attribute__((noipa)) void NAME(void) { kept = malloc(777); }
	int main(void) { NAME(); return system("sleep 0.1; touch other; mv other program"); }
	END
    gcc -g -w -Wl,--build-id=none -DNAME=replaced -o program program.c
    gcc -g -w -Wl,--build-id=none -DNAME=stranger -o other program.c
    split "$tool" run -q --no-follow-fork -o x.ht -- ./program
    [ "$status" -eq 0 ]
    [ "$(grep -c 'program is newer than' <<<"$err")" -eq 1 ]
    "$tool" report --format=json x.ht >x.json
    json x.json '.sites[] | select(.bytes_allocated == 777) | .stack[0].function | sub("0x.*"; "")' '"program+"'
}

@test "names of Rust and C++ are demangled, and a function has its public name" {
    places
    names=$HT_BUILD/tests/tool/names
    stack=
    for symbol in _ZN8my_crate4grow17h5f2a9c1e0b7d3486E _RNvCs1234_7mycrate3foo _ZN4shop5shelf4fillEi; do
        stack+=$(calls "$names" $symbol | head -n 1),
    done
    # objdump gives this one any of its three names.
    stack+=$(for name in copy_text __copy_text __GI___copy_text; do calls "$names" $name; done | head -n 1)
    cp "$names" program
    "$make_state" x.ht module="$PWD/program" stack="$stack"
    site x.ht >out
    grep -q '_ZN8my_crate' out && skip "the tool was built without libiberty"
    [ "$(sed 's/ .*//' out)" = $'my_crate::grow\nmycrate::foo\nshop::shelf::fill\ncopy_text' ]
    fails grep -q '?:0' out
    strip -g program
    site x.ht >out
    [ "$(sed 's/ .*//' out)" = $'my_crate::grow\nmycrate::foo\nshop::shelf::fill\ncopy_text' ]
    grep -q '?:0' out
}

# in_debug_directory DIRECTORY COMMAND...: with DIRECTORY in the place of /usr/lib/debug
in_debug_directory() {
    need unshare util-linux
    [ -d /usr/lib/debug ] || skip "no /usr/lib/debug to put a directory over"
    unshare -m true 2>/dev/null || skip "unshare -m is not allowed here"
    unshare -m sh -c 'mount --bind "$0" /usr/lib/debug && exec "$@"' "$@"
}

# The debug information of `program` goes to FILE, and program loses it and its symbols.
take_debug_data() {
    need objcopy binutils
    mkdir -p "$(dirname "$1")"
    objcopy --only-keep-debug program "$1"
    strip program
}

@test "separate debug information is found by build-id" {
    places
    id=$(build_id program)
    take_debug_data "debug/.build-id/${id:0:2}/${id:2}.debug"
    "$make_state" x.ht module="$PWD/program" build_id="$id" stack="${hold[0]},${main[0]}"
    site x.ht >out
    fails grep -q places.c out
    in_debug_directory "$PWD/debug" "$tool" report --format=json x.ht >out
    json out '[.sites[] | select(.bytes_allocated == 1000) | .stack[].function]' '["innermost","middle","hold","main"]'
}

@test "debuginfod's servers are asked with --debuginfod and never else" {
    places
    need python3
    id=$(build_id program)
    take_debug_data "served/buildid/$id/debuginfo"
    "$make_state" x.ht module="$PWD/program" build_id="$id" stack="${hold[0]},${main[0]}"
    python3 -u -m http.server 0 --bind 127.0.0.1 --directory served >server.out 2>server.err 3>&- &
    server=$!
    for ((tries = 0; tries < 100; tries++)); do
        grep -q 'port [0-9]' server.out && break
        sleep 0.1
    done
    export DEBUGINFOD_URLS=http://127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' server.out | head -n 1)
    export DEBUGINFOD_CACHE_PATH=$PWD/cache
    "$tool" report --format=json x.ht >without
    "$tool" run -q -o y.ht -- "$places" >/dev/null
    asked=$(grep -c GET server.err || true)
    "$tool" report --format=json --debuginfod x.ht >with 2>err
    [ "$asked" -eq 0 ]
    json without '[.sites[].stack[].function | select(. == "innermost")]' '[]'
    grep -q "GET /buildid/$id/debuginfo" server.err || {
        ldconfig -p | grep -q libdebuginfod || skip "libdebuginfod is missing (apt-get install libdebuginfod1)"
    }
    json with '[.sites[] | select(.bytes_allocated == 1000) | .stack[].function]' '["innermost","middle","hold","main"]'
    split env -u DEBUGINFOD_URLS "$tool" report --debuginfod x.ht
    one_line "$err"
    [[ $err == *"asks no server: name one in DEBUGINFOD_URLS" ]]
}

@test "C++ names are demangled, and the standard library's templates passed over" {
    places
    [ -x "$places-cxx" ] || skip "no C++ compiler"
    address=$(objdump -dC --no-show-raw-insn "$places-cxx" |
        awk '/^[0-9a-f]+ <shop::store<int>::fill.*>:$/ { on = 1 } on && /call/ { sub(":", "", $1); print $1; exit }')
    "$make_state" x.ht module="$places-cxx" stack="$address"
    site x.ht >out
    [[ $(tail -n 1 out) == "shop::store<int>::fill places_cxx.cpp:"* ]] || {
        grep -q '_ZN4shop' out && skip "the tool was built without libiberty"
    }
    "$tool" report x.ht >out
    grep -Eq '^ .* 1000 B +1  shop::store<int>::fill ' out
}

@test "C++ functions that only their source can call have their classes and namespaces in their names" {
    need_tracking
    need jq
    cat >program.cpp <<-'END'
	#include <cstdlib>
	void *volatile kept;
	#define KEEP(n) (kept = std::malloc(n))
	#define FUNCTION __attribute__((noinline)) void
	namespace out {
	namespace {
	struct Unnamed { FUNCTION member() { KEEP(101); } inline __attribute__((always_inline)) void inlined() { KEEP(102); } };
	}
	struct Shown { void run(int); };
	void Shown::run(int n) {
	    struct Local { static FUNCTION local() { KEEP(103); } };
	    auto lambda = [](int m) __attribute__((noinline)) { KEEP(m); };
	    Unnamed().member();
	    Unnamed().inlined();
	    Local::local();
	    lambda(n);
	}
	}
	extern "C" FUNCTION plain() { KEEP(105); }
	int main() { out::Shown().run(104); plain(); }
	END
    tried=0
    for compiler in g++ clang++; do
        command -v $compiler >/dev/null || continue
        tried=$((tried + 1))
        echo "$compiler"
        $compiler -O1 -g -fno-optimize-sibling-calls -w -o program program.cpp
        "$tool" run -q -o x.ht -- ./program
        "$tool" report --format=json x.ht >x.json
        jq -r '[.sites[] | select(.bytes_allocated < 106)] | sort_by(.bytes_allocated)[] | .stack[0].function' x.json |
            sed -E 's/(\{lambda\}|\$_0)/LAMBDA/; s/Shown::run\(int\)/Shown::run/' >out
        diff out - <<-'END'
	out::(anonymous namespace)::Unnamed::member
	out::(anonymous namespace)::Unnamed::inlined
	out::Shown::run::Local::local
	out::Shown::run::LAMBDA::operator()
	plain
	END
        # And so --fail-site finds them.
        for name in 'out::Shown::run*::Local::local' 'out::(anonymous namespace)::Unnamed::inlined'; do
            "$tool" run -q --fail-site="$name" -o x.ht -- ./program
            "$tool" report --format=json x.ht >x.json
            json x.json .totals.failed_allocs 1
        done
    done
    [ "$tried" -gt 0 ] || skip "g++ and clang++ are missing (apt-get install g++)"
}

@test "what C++ headers inline is not said to be the program's" {
    need_tracking
    places
    [ -x "$places-cxx" ] || skip "no C++ compiler"
    "$tool" run --top=100 -q -o x.ht -- "$places-cxx"
    "$tool" report x.ht >out
    grep -E '^ +[0-9.]+ %' out >rows
    grep -q ' main (inlined)\? *places_cxx.cpp:\| main  places_cxx.cpp:' rows
    fails grep -E '\.(h|hpp|tcc):[0-9]' rows
}

@test "what a library keeps for itself has one name at the peak and at the end" {
    need_tracking
    places
    [ -x "$places-cxx" ] || skip "no C++ compiler"
    "$tool" run --top=100 -q -o x.ht -- "$places-cxx"
    "$tool" report x.ht >out
    sed -n '/^Still live/,/^$/p' out >live
    grep -q '(held by libc and the loader by design)' live || skip "this libstdc++ keeps nothing"
    sed -n '/^Who held/,/^$/p' out >peak
    grep -q '(held by libc and the loader by design)$' peak
    fails grep -q ' libstdc++' peak
    grep -q ' main ' peak # whose threads' storage is the loader's
}

@test "stacks of operator new begin with the program, and --stacks=caller names it" {
    need_tracking
    places
    [ -x "$places-cxx" ] || skip "no C++ compiler"
    for stacks in full caller; do
        "$tool" run -q --stacks=$stacks -o x.ht -- "$places-cxx"
        "$tool" report --format=json x.ht >out
        json out '[.sites[].stack[0] | select(.function == "main") | .file | split("/") | last] | unique' '["places_cxx.cpp"]'
        json out '[.sites[].stack[].function | select(startswith("operator new"))]' '[]'
    done
}

@test "names and lines are those that addr2line gives" {
    places
    need addr2line binutils
    # Calls all over a program with debug information: this tool itself.
    addresses=$(objdump -d --no-show-raw-insn -j .text "$tool" |
        awk '/call/ && ++n % 31 == 0 { sub(":", "", $1); print $1 }' | head -n 60)
    "$make_state" x.ht module="$tool" stack="$(paste -sd, <<<"$addresses")"
    "$tool" report --format=json x.ht | jq -r '.sites[] | select(.bytes_allocated == 1000) | .stack[]
        | select(.file != null) | "\(.function) \(.file | sub(".*/"; "")):\(.line)"' >ours
    for address in $addresses; do addr2line -ifse "$tool" "$address"; done | paste -d' ' - - |
        sed 's/ (discriminator.*//; s/\.\(part\|constprop\|isra\|cold\)\S*//' | grep -v '?' >theirs
    [ "$(wc -l <ours)" -ge 30 ]
    diff ours theirs
}
