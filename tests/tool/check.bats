#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# heaptracker check: on make_state's file (31 allocs, 5 temporary, 1900 bytes live in 19
# blocks, peak 2500), and on gate.c, which it runs itself.

load helpers

gate=$HT_BUILD/tests/tool/gate

@test "each limit holds at its number, and breaks one below it" {
    "$make_state" x.ht
    while read -r option at below; do
        check 0 --$option=$at x.ht
        [[ $out == *"within its limit"*"ok     $option: "* ]]
        check 1 --$option=$below x.ht
        [[ $out == *"over 1 of 1 limits"*"OVER   $option: "* ]]
        [ -z "$err" ]
    done <<-'END'
	max-peak 2500 2499
	max-live 1900 1899
	max-live-blocks 19 18
	max-allocs 31 30
	max-temporary 16.2 16.1
	END
    check 0 --max-foreign=0 x.ht --max-invalid=0 --max-peak=3K
}

@test "the largest allocation is a limit, and the sites that broke it are named" {
    need_tracking
    "$tool" run --quiet -o x.ht "$HT_BUILD/tests/tool/known_sizes"
    check 0 --max-block=2097151 x.ht
    check 1 --max-block=1M x.ht
    grep -Eq "^  OVER   max-block: 2\.0 MiB \(2097151 bytes\), at most 1\.0 MiB: 1\.0 MiB over .*--sizes" <<<"$out"
    split "$tool" check --max-block=1M -- "$HT_BUILD/tests/tool/known_sizes"
    [ "$status" -eq 1 ]
    grep -Eq "^  OVER   max-block: 2\.0 MiB .* 1\.0 MiB over$" <<<"$err"
    grep -Eq "^ +2\.0 MiB +[0-9]+ +(get|known_sizes) at known_sizes\.c:[0-9]+$" <<<"$err"
    "$tool" check --max-block=2M -- "$HT_BUILD/tests/tool/known_sizes"
    check 2 --max-block=big x.ht
    one_line "$err"
}

@test "one temporary allocation among very many is above a limit of none" {
    need_tracking
    need gcc
    cat >one.c <<-'END'
	#include <stdlib.h>
	void *volatile kept;
	__attribute__((noipa)) void fill(void) { kept = malloc(16); }
	int main(void)
	{
		for (int i = 0; i < 200000; i++)
			fill();
		free(kept);
		fill();
		return 0;
	}
	END
    gcc -O1 -fno-builtin -w -o one one.c
    "$tool" run --quiet -o x.ht ./one
    check 1 --max-temporary=0 --site=fill:temporary=0 x.ht
    [ "$(grep -Ec '^  OVER   .*temporary: 0\.001 %, at most 0 %: 0\.001 % over$' <<<"$out")" -eq 2 ]
    check 0 --max-temporary=0.001 --site=fill:temporary=0.001 x.ht
}

@test "foreign and invalid frees are limits too" {
    need_tracking
    bad_frees=$HT_BUILD/tests/engine/bad_frees.preload
    [ -x "$bad_frees" ] || skip "bad_frees is not built"
    "$tool" run --quiet -o x.ht "$bad_frees" foreign || true
    need jq
    "$tool" report --format=json x.ht >x.json
    foreign=$(jq .totals.foreign_frees x.json) invalid=$(jq .totals.invalid_frees x.json)
    [ $((foreign + invalid)) -gt 0 ]
    check 0 --max-foreign=$foreign --max-invalid=$invalid x.ht
    [ "$foreign" -eq 0 ] || check 1 --max-foreign=$((foreign - 1)) x.ht
    [ "$invalid" -eq 0 ] || check 1 --max-invalid=$((invalid - 1)) x.ht
}

@test "a broken limit names the number, the excess and the sites that broke it" {
    need_tracking
    "$tool" run --quiet -o x.ht "$gate" >/dev/null
    check 1 --max-live=2000 x.ht
    grep -Eq '^  OVER   max-live: 2\.9 KiB \(3000 bytes\), at most 2\.0 KiB: 1000 B over$' <<<"$out"
    grep -Eq '^ +2\.9 KiB +3 +keep_line at gate\.c:[0-9]+$' <<<"$out"
    fails grep -iq leak <<<"$out"
    fails grep -Eq '^.{101}' <<<"$out"
}

@test "what libc keeps by design is not held against a program, and the sum stays exact" {
    need_tracking
    need jq
    "$tool" run --quiet -o x.ht "$gate" >/dev/null
    check 0 --max-live=3000 --max-live-blocks=3 --format=json x.ht
    echo "$out" >check.json
    json check.json .live.counted '{"bytes":3000,"blocks":3}'
    json check.json '.live.by_design.bytes >= 1024' true
    [ "$(jq '[.live[].bytes] | add' check.json)" = "$("$tool" report --format=json x.ht | jq .totals.live_bytes)" ]
    [ "$(jq '[.live[].blocks] | add' check.json)" = "$("$tool" report --format=json x.ht | jq .totals.live_blocks)" ]
    "$tool" report x.ht | sed -n '/^Still live at exit/,/^$/p' >live
    grep -Eq '^ +[0-9.]+ % .*\(held by libc and the loader by design\)$' live
    grep -q 'keep_line' live
    check 0 --max-live=3000 x.ht
    grep -Eq '^  3000 counted, [0-9]+ held by libc and the loader by design, 0 suppressed$' <<<"$out"
}

@test "sites are limited by globs on function, file and module" {
    need_tracking
    "$tool" run --quiet -o x.ht "$gate" >/dev/null
    for glob in 'keep_*' 'keep_line' '*_line'; do
        check 0 --site="$glob:live=3000" --site="$glob:total=3000" --site="$glob:allocs=3" x.ht
        check 1 --site="$glob:live=2999" x.ht
        [[ $out == *"site $glob:live"*keep_line* ]]
    done
    # 13000 of its own, and printf's buffer
    check 1 --site='gate.c:total=13000' x.ht
    check 0 --site='gate.c:total=20000' x.ht
    check 0 --site='gate:live-blocks=4' x.ht
    check 1 --site='*/gate:live-blocks=3' x.ht
    check 1 --site='read_page:temporary=49.9' x.ht
    check 0 --site='nothing_like_it:total=0' --site='keep:total=0' x.ht # the whole name
    check 0 --site='main:peak=100K' x.ht
}

@test "a limits file says the same as options, and the command line has the last word" {
    need_tracking
    "$tool" run --quiet -o x.ht "$gate" >/dev/null
    mkdir repository
    cp x.ht repository/base.ht
    cat >repository/heaptracker.limits <<-'END'
	# what this program may hold

	max-peak = 20K
	max-live=1000
	site=keep_*:live=4K
	baseline=base.ht
	END
    check 1 --limits=repository/heaptracker.limits x.ht
    [[ $out == *"over 1 of 5 limits"*"OVER   max-live"* ]]
    check 0 --limits=repository/heaptracker.limits --max-live=3K x.ht
    check 0 --max-live=3K --limits=repository/heaptracker.limits x.ht
    echo 'leak:^keep_line$' >>repository/heaptracker.limits
    check 0 --limits=repository/heaptracker.limits x.ht
    [[ $out == *", 3000 suppressed"* ]]
}

@test "a limits file takes suppressions and any-exit, and refuses what it cannot be sure of" {
    need_tracking
    mkdir -p repository
    printf 'max-live = 0\nany-exit\nsuppressions = known.supp\n' >repository/x.limits
    printf 'race:whatever\nleak:^keep_line$\n' >repository/known.supp
    check 0 --limits=repository/x.limits -- "$gate" 3
    [[ $err == *", 3000 suppressed"* ]]
    for line in race:whatever max-peak:3; do
        echo "$line" >x.limits
        check 2 --limits=x.limits --max-live=1M -- "$gate"
        one_line "$err"
        [[ $err == "heaptracker: x.limits:1: '$line' is neither a limit nor leak:PATTERN; "*"suppressions=FILE" ]]
    done
    for line in any-exit=no suppressions suppressions= baseline= format=json leak:; do
        echo "$line" >x.limits
        check 2 --limits=x.limits --max-live=1M -- "$gate"
        one_line "$err"
        [[ $err == "heaptracker: x.limits:1: "* ]]
    done
}

@test "suppressions match as LeakSanitizer's do" {
    need_tracking
    "$tool" run --quiet -o x.ht "$gate" >/dev/null
    matching='keep_line keep eep_l ^keep ^keep_line$ line$ k*p*ne ^k*e$ gate.c /gate.c$ gate$ main *line*'
    others='^eep keep$ ^line xkeep keep_lines ^gate.c$ le*keep ^ma$'
    for pattern in $matching; do
        printf '# known\n\n  leak:%s\nrace:whatever\n' "$pattern" >supp
        check 0 --suppressions=supp --max-live=0 x.ht || { echo "not matched: $pattern"; false; }
        [[ $out == *" 3000 suppressed"* ]]
    done
    for pattern in $others; do
        echo "leak:$pattern" >supp
        check 1 --suppressions=supp --max-live=0 x.ht || { echo "matched: $pattern"; false; }
    done
    echo leak:keep_line >supp
    check 1 --suppressions=supp --max-peak=1000 --max-allocs=1 x.ht # they are about what is live
    [[ $out == *"over 2 of 2"* ]]
}

@test "a baseline allows growth in percent or in bytes" {
    need_tracking
    "$tool" run --quiet -o base.ht "$gate" >/dev/null
    "$tool" run --quiet -o more.ht "$gate" 0 1 >/dev/null || true
    check 0 --baseline=base.ht base.ht
    check 1 --baseline=base.ht more.ht
    grep -Eq '^  OVER   baseline live: 3\.9 KiB \(4000 bytes\), at most 2\.9 KiB: 1000 B over \(it was 2\.9 KiB \(3000 bytes\)\)$' <<<"$out"
    grep -Eq '^ +\+ +1000 B +1 +keep_line at gate\.c' <<<"$out"
    check 0 --baseline=base.ht --growth=1000 more.ht
    check 1 --baseline=base.ht --growth=999 more.ht
    check 0 --baseline=base.ht --growth=34% more.ht
    check 1 --baseline=base.ht --growth=33% more.ht
    [[ $out == *"ok     baseline peak"* ]]
    check 0 --baseline=more.ht base.ht
}

@test "a regression does not become its own baseline" {
    need_tracking
    "$tool" run --quiet -o base.ht "$gate" >/dev/null
    cp base.ht before.ht
    ln -s base.ht link.ht
    echo 'baseline = base.ht' >x.limits
    for arguments in "--baseline=base.ht --keep=base.ht" "--baseline=base.ht --keep=./link.ht" "--limits=x.limits --keep=base.ht"; do
        # shellcheck disable=SC2086 # words are wanted
        check 2 $arguments -- "$gate" 0 1
        one_line "$err"
        [[ $err == *"would make of whatever is over it the next baseline"* ]]
        cmp base.ht before.ht
    done
    check 1 --baseline=base.ht --keep=new.ht -- "$gate" 0 1
    check 1 --baseline=base.ht --keep=new.ht -- "$gate" 0 1
}

@test "a command is run, its output stays its own, and its failure counts" {
    need_tracking
    check 0 --max-peak=1M --max-live=3000 -- "$gate"
    [ "$out" = "on stdout" ]
    [[ $err == *"within all 3 limits"* ]]
    no_state_left
    [ -z "$(find . -name '*.ht')" ]
    check 1 --max-peak=1M -- "$gate" 3
    [[ $err == *"OVER   exit status: 3: the command failed"* ]]
    check 0 --any-exit --max-peak=1M -- "$gate" 3
    check 1 --max-peak=1M -- "$workload" kill
    [[ $err == *"137: signal 9 killed the command"* ]]
    for code in 137 255; do # no signal, whatever a shell would make of it
        check 1 --max-peak=1M -- "$gate" $code
        [[ $err == *"OVER   exit status: $code: the command failed"* ]]
    done
    check 1 --max-live=0 --keep=kept.ht -o verdict -- "$gate"
    [ -z "$err" ]
    grep -q 'OVER   max-live' verdict
    check 1 --max-live=0 kept.ht
}

@test "the numbers of a command lie where --state-dir says, and do not stay there" {
    need_tracking
    mkdir elsewhere
    check 0 --max-peak=100M --state-dir=elsewhere -- sh -c 'ls elsewhere states'
    grep -q '^heaptracker-run\.' <<<"$out"
    [[ $out == *"heaptracker-check."*states:* ]] # none in states
    [ -z "${out##*states:}" ]
    [ -z "$(ls -A elsewhere)" ]
    check 2 --max-peak=1M --state-dir=missing -- "$gate"
    one_line "$err"
    [[ $err == *"cannot make a directory in missing: "*"--state-dir" ]]
    check 2 --max-peak=1M --state-dir=missing --keep=kept.ht -- "$gate"
    one_line "$err"
    no_state_left
}

@test "a command that leaves no numbers leaves the kept ones of an earlier run" {
    need_tracking
    check 0 --max-peak=1M --keep=kept.ht -- "$gate"
    cp kept.ht before.ht
    check 2 --max-peak=1M --keep=kept.ht -- /nowhere/at/all
    cmp kept.ht before.ht
    check 0 --max-peak=1M --keep=kept.ht -- "$gate"
    ! cmp -s kept.ht before.ht || false
}

@test "a command that goes on as a program that is not tracked cannot be judged" {
    need_tracking
    check 0 --max-live=100K -- env "$workload"
    check 2 --max-live=100K --keep=kept.ht -- env -i "$workload"
    [[ $err == *"went on as 'workload', which was not tracked"*"give the program itself as COMMAND"* ]]
    no_state_left
    check 0 --max-live=100K --any-exit -- "$workload" rename
    [ -x "$workload-static" ] || skip "no static libc"
    check 2 --max-live=100K -- env "$workload-static"
    [[ $err == *"it is statically linked"* ]]
}

@test "what cannot be told is exit status 2" {
    need_tracking
    check 2 --max-peak=1M -- /nowhere/at/all
    one_line "$err"
    no_state_left
    if [ -x "$HT_BUILD/tests/tool/workload-static" ]; then
        check 2 --max-peak=1M -- "$HT_BUILD/tests/tool/workload-static"
        one_line "$err"
    fi
}

@test "a limit is given to the byte where rounding would hide the difference" {
    "$make_state" x.ht
    check 1 --max-peak=2499 x.ht
    [[ $out == *"2.4 KiB (2500 bytes), at most 2.4 KiB (2499 bytes): 1 B over"* ]]
    check 0 --max-peak=2501 x.ht
    [[ $out == *"2.4 KiB (2500 bytes), at most 2.4 KiB (2501 bytes)"* ]]
    check 0 --max-peak=3K x.ht
    grep -qx '  ok     max-peak: 2.4 KiB (2500 bytes), at most 3.0 KiB' <<<"$out"
}

@test "a pattern that no site matches is said in every form, and keeps its limit" {
    need_tracking
    need jq
    "$tool" run --quiet -o x.ht "$gate" >/dev/null
    check 0 --site=nosuch:live=0 --max-live=1M x.ht
    grep -qx '  ok     site nosuch:live: 0 bytes, at most 0 B (no site matches)' <<<"$out"
    check 0 --site=nosuch:live=0 --max-live=1M --format=json x.ht
    echo "$out" >check.json
    json check.json '[.limits[] | [.name, .result, .remark]]' \
        '[["max-live","within",null],["site nosuch:live","within","no site matches"]]'
    check 0 --site=nosuch:live=0 --max-live=1M --format=github x.ht
    grep -qx '::notice title=heaptracker site nosuch%3Alive::0 bytes, at most 0 B (no site matches)' <<<"$out"
    echo 'leak:^keep_line$' >supp
    check 0 --site=keep_line:live=0 --suppressions=supp x.ht # it matches, and is suppressed
    [[ $out != *"no site matches"* ]]
    need xmllint libxml2-utils
    check 0 --site=nosuch:live=0 --max-live=1M --format=junit -o junit.xml x.ht
    xmllint --noout --schema "$HT_SOURCE/tests/tool/junit.xsd" junit.xml
    [ "$(xmllint --xpath 'string(//testcase[2]/system-out)' junit.xml)" = "no site matches" ]
    [ "$(xmllint --xpath 'count(//system-out)' junit.xml)" = 1 ]
}

@test "where a program has no names it is said why no site matches" {
    need_tracking
    need strip binutils
    strip -o gate "$gate"
    "$tool" run --quiet -o x.ht ./gate >/dev/null
    check 0 --site='keep_*:live=0' x.ht
    grep -Eq "^  ok .*\\(no site matches: the functions of gate have no names, is it stripped\\?\\)$" <<<"$out"
    check 1 --site='gate:live=0' x.ht # the module has its name
}

@test "without call stacks a limit of sites cannot be told" {
    need_tracking
    "$tool" run --quiet --stacks=none -o x.ht "$gate" >/dev/null
    for limit in keep_line:live=0 keep_line:live=1G nosuch:allocs=0 '*:temporary=100'; do
        check 2 --site="$limit" x.ht
        grep -Eq '^  UNSURE site .*: cannot tell, since no call stacks were kept; track it with --stacks=full$' <<<"$out"
    done
    check 1 --site=keep_line:live=0 --max-live=0 x.ht # over is over
    check 0 --max-live=1M x.ht
}

# remarked PATTERN: of x.ht, in every form
remarked() {
    need jq
    need xmllint libxml2-utils
    check 0 --max-live=1900 x.ht
    grep -q "^  $1" <<<"$out"
    [[ $out == *"live then: 1900 bytes"* && $out != *"at the end"* ]]
    check 0 --max-live=1900 --format=json x.ht
    [[ $(jq -r .remark <<<"$out") == $1* ]]
    check 0 --max-live=1900 --format=junit -o junit.xml x.ht
    xmllint --noout --schema "$HT_SOURCE/tests/tool/junit.xsd" junit.xml
    [[ $(xmllint --xpath 'string(//testsuite/system-out)' junit.xml) == $1* ]]
    check 0 --max-live=1900 --format=github x.ht
    grep -q "^::notice title=heaptracker::$1" <<<"$out"
}

@test "a program that had not ended is said to be judged as it was" {
    "$make_state" x.ht ended=0 alive=$$
    remarked 'it had not ended: what is judged is how it was when it was read'
    "$make_state" x.ht ended=0 end_monotonic_ns=0 # as a copy that was made while it ran
    remarked 'whether it had ended is not known: '
    "$make_state" x.ht ended=3 end_status=0
    check 0 --max-live=1900 x.ht
    [[ $out == *"live at the end: 1900 bytes"* && $out != *"ended"* ]]
    check 0 --max-live=1900 --format=json x.ht
    echo "$out" >check.json
    json check.json .remark null
}

# An earlier verdict is in heap.xml, verdict.json, notes and text; then
# replaced PATTERN ARGUMENT...: what nothing can be said of takes their places
replaced() {
    local pattern=$1 file
    shift
    need jq
    need xmllint libxml2-utils
    for file in heap.xml verdict.json notes text; do echo old >"$file"; done
    check 2 --format=junit -o heap.xml "$@"
    one_line "$err"
    xmllint --noout --schema "$HT_SOURCE/tests/tool/junit.xsd" heap.xml
    [ "$(xmllint --xpath 'string(/testsuites/@errors)' heap.xml)" = 1 ]
    [[ $(xmllint --xpath 'string(//testcase[@name="check"]/error/@message)' heap.xml) == $pattern ]]
    check 2 --format=json -o verdict.json "$@"
    json verdict.json '[.schema, .kind, .result, .limits]' '[1,"check","unsure",[]]'
    [[ $(jq -r .reason verdict.json) == $pattern ]]
    check 2 --format=github -o notes "$@"
    [ "$(wc -l <notes)" -eq 1 ]
    [[ $(<notes) == "::warning title=heaptracker::cannot tell: "$pattern ]]
    check 2 -o text "$@"
    [[ $(<text) == *": cannot tell: "$pattern ]]
    [ -z "$out" ]
    no_state_left
}

@test "where nothing can be judged, no earlier verdict stays in its file" {
    need_tracking
    "$make_state" x.ht
    "$make_state" other.ht program=/usr/bin/other
    replaced '/nowhere/at/all: cannot execute it: *' --max-peak=1M -- /nowhere/at/all
    replaced 'missing.ht: *' --max-peak=1M missing.ht
    replaced 'the baseline other.ht is of another program, *' --baseline=other.ht x.ht
    replaced 'missing.ht: *' --baseline=missing.ht -- "$gate"
    replaced 'cannot read missing: *' --limits=missing x.ht
    replaced "check: --max-peak: 'x' is no size*" --max-peak=x x.ht
    replaced 'check: give at least one limit*' x.ht
    if [ -x "$HT_BUILD/tests/tool/workload-static" ]; then
        replaced '*/workload-static was not tracked: *' --max-peak=1M -- "$HT_BUILD/tests/tool/workload-static"
        json verdict.json '.program | endswith("/workload-static")' true
    fi
}

@test "where nothing can be judged, a form for machines says so without a file too" {
    check 2 --max-peak=1M --format=json missing.ht
    echo "$out" >verdict.json
    json verdict.json '[.program, .result]' '["missing.ht","unsure"]'
    check 2 --max-peak=1M --format=github -- /nowhere/at/all
    [ -z "$out" ]
    [ "$(wc -l <<<"$err")" -eq 2 ]
    [[ $err == *"::warning title=heaptracker::cannot tell: /nowhere/at/all: cannot execute it"* ]]
}

@test "where the verdict cannot be written is known before the command runs" {
    check 2 --max-peak=1M -o missing/verdict -- touch ran
    one_line "$err"
    [ ! -e ran ]
}

@test "junit is valid, and says what broke" {
    need xmllint libxml2-utils
    need_tracking
    "$tool" run --quiet -o x.ht "$gate" >/dev/null
    check 1 --max-live=0 --max-peak=1G --site='a<b>&"*:live=0' --format=junit x.ht
    echo "$out" >junit.xml
    xmllint --noout --schema "$HT_SOURCE/tests/tool/junit.xsd" junit.xml
    [ "$(xmllint --xpath 'string(/testsuites/@failures)' junit.xml)" = 1 ]
    [ "$(xmllint --xpath 'count(//testcase)' junit.xml)" = 3 ]
    [[ $(xmllint --xpath 'string(//testcase[@name="max-live"]/failure)' junit.xml) == "2.9 KiB in 3 blocks: keep_line at gate.c:"* ]]
    [ "$(xmllint --xpath 'string(//testcase[3]/@name)' junit.xml)" = 'site a<b>&"*:live' ]
    "$make_state" y.ht program=$'/bin/\001<x>\xff'
    check 2 --site=nothing:peak=1 --format=junit y.ht
    echo "$out" >junit.xml
    xmllint --noout --schema "$HT_SOURCE/tests/tool/junit.xsd" junit.xml
    [ "$(xmllint --xpath 'count(//testcase/error)' junit.xml)" = 1 ]
}

@test "one is one, and more are more" {
    need_tracking
    "$tool" run --quiet -o x.ht "$gate" >/dev/null
    check 1 --site='read_page:temporary=0' x.ht
    grep -Eq '^ +[12] times? +read_page at' <<<"$out"
    fails grep -Eq ' 1 times| [2-9] time ' <<<"$out"
    check 1 --max-allocs=1 --site='printf:total=0' --format=github x.ht
    grep -q ' in 3 allocations: keep_line at ' <<<"$out"
    grep -q ' in 1 allocation: ' <<<"$out"
    need gcc
    for count in 6 7; do
        { echo '#include <stdlib.h>'; echo 'void *volatile kept; int main(void) {'
          for _ in $(seq $count); do echo 'kept = malloc(9);'; done; echo 'return 0; }'; } >sites.c
        gcc -O1 -fno-builtin -o sites sites.c
        "$tool" run --quiet -o "$count.ht" ./sites
    done
    check 1 --max-live=0 6.ht
    grep -qx '     and 1 more site' <<<"$out"
    check 1 --max-live=0 7.ht
    grep -qx '     and 2 more sites' <<<"$out"
}

@test "junit is read by a consumer of it" {
    need_tracking
    python=/usr/bin/python3 # Debian's, which has Debian's packages
    $python -c 'import junitparser' 2>/dev/null || skip "python3-junitparser is missing (apt-get install python3-junitparser)"
    check 1 --max-live=0 --max-peak=1G --format=junit -o junit.xml -- "$gate"
    $python - <<-'END'
	from junitparser import JUnitXml, Failure
	suite = next(iter(JUnitXml.fromfile("junit.xml")))
	assert suite.tests == 3 and suite.failures == 1, (suite.tests, suite.failures)
	failed = [case for case in suite if any(isinstance(r, Failure) for r in case.result)]
	assert [case.name for case in failed] == ["max-live"] and "keep_line" in failed[0].result[0].text
	END
}

@test "github annotations are one line each, escaped, and point to the source" {
    need_tracking
    "$tool" run --quiet -o x.ht "$gate" >/dev/null
    cd "$HT_SOURCE"
    check 1 --max-live=0 --site='a,b:c%:live=0' --site='keep*:live-blocks=1' --format=github "$BATS_TEST_TMPDIR/x.ht"
    [ "$(wc -l <<<"$out")" -eq 3 ]
    grep -q '^::notice title=heaptracker site a%2Cb%3Ac%25%3Alive::' <<<"$out"
    grep -Eq '^::error file=[^:,]*gate\.c,line=[0-9]+,title=heaptracker max-live::2\.9 KiB \(3000 bytes\), at most 0 B: 2\.9 KiB over%0A' <<<"$out"
    grep -q 'title=heaptracker site keep\*%3Alive-blocks::3, at most 1' <<<"$out"
    check 0 --max-live=1M --format=github "$BATS_TEST_TMPDIR/x.ht"
    [ "$out" = "::notice title=heaptracker::gate is within its limit" ]
}

# A program whose allocating function has this name: its symbol is renamed.
hostile_program() {
    need objcopy binutils
    need gcc
    cat >hostile.c <<-'END'
	#include <stdlib.h>
	void *volatile sink;
	__attribute__((noipa)) void keep(size_t size) { sink = malloc(size); }
	int main(int argc, char **argv) { keep(1000 * (size_t)argc); return argv == NULL; }
	END
    gcc -O1 -fno-builtin -w -o plain hostile.c
    printf 'keep %s\n' "$1" >renamed
    objcopy --redefine-syms=renamed plain hostile
}

@test "names that would break a format are escaped in all of them" {
    need_tracking
    need jq
    need xmllint libxml2-utils
    export LC_ALL=C.UTF-8
    hostile_program "$(printf '<script>alert("1")</script>&%%0A::error:,\xff\xfe]]>%010000d' 0)"
    "$tool" run --quiet -o 1.ht ./hostile
    "$tool" run --quiet -o 2.ht ./hostile more
    check 1 --max-live=0 --format=junit -o x.xml 2.ht
    xmllint --noout --huge --schema "$HT_SOURCE/tests/tool/junit.xsd" x.xml
    xmllint --huge --xpath 'string(//failure)' x.xml | grep -q '<script>alert("1")</script>&%0A::error:,'
    check 1 --max-live=0 --format=json -o x.json 2.ht
    json x.json '.limits[0].sites[0].stack[0].function | startswith("<script>alert(\"1\")</script>&%0A::error:,\ufffd\ufffd]]>0000")' true
    check 1 --max-live=0 --format=github 2.ht
    [ "$(wc -l <<<"$out")" -eq 1 ]
    [[ $out == *"</script>&%250A::error"* ]]
    check 1 --max-live=0 2.ht
    fails grep -Eq '^.{101}' <<<"$out"
    "$tool" diff 1.ht 2.ht >out
    fails grep -Eq '^.{101}' out
    grep -q '<script>alert' out
    "$tool" diff --format=json 1.ht 2.ht >x.json
    json x.json '[.sites[] | select(.change != "same") | [.change, .change_bytes, (.stack[0].function | length)]]' '[["grown",1000,10045]]'
    check 0 --site='<script>*:live=2000' 2.ht
}

@test "what is wrong with the call is one clear line, and exit status 2" {
    "$make_state" x.ht
    "$make_state" other.ht program=/usr/bin/other
    "$make_state" cut.ht cut=5000
    echo max-peak >no_value
    echo maximum=3 >no_such
    echo 'max-peak=1Q' >no_size
    echo keep_line >no_suppression
    for arguments in "x.ht" "--max-peak=1" "--max-peak=x x.ht" "--max-peak=-1 x.ht" "--max-allocs=1K x.ht" \
        "--max-temporary=half x.ht" "--site=parse:4K x.ht" "--site=:live=4 x.ht" "--site=a:size=4 x.ht" \
        "--site=a:live=x x.ht" "--max-live=0 missing.ht" "--max-live=0 cut.ht" "--max-live=0 x.ht x.ht" \
        "--max-live=0 --format=xml x.ht" "--baseline=other.ht x.ht" "--baseline=missing.ht x.ht" \
        "--growth=much --max-live=0 x.ht" "--growth=5% --max-live=0 x.ht" "--baseline=x.ht --growth=9000000000G x.ht" \
        "--max-peak=9000000000G x.ht" "--site=a:live=9000000000G x.ht" "--max-live=0 --keep= -- true" \
        "--limits=no_value x.ht" "--limits=no_such x.ht" "--limits=no_size x.ht" \
        "--limits=missing x.ht" "--limits=. x.ht" "--max-live=0 --suppressions=no_suppression x.ht" \
        "--max-live=0 --keep=y.ht x.ht" "--max-live=0 --keep=y.ht -o y.ht -- true" "--max-live=0 --state-dir=. x.ht" "--max-live=0 --keep=/missing/y.ht -- true" "--max-live=0 --"; do
        # shellcheck disable=SC2086 # words are wanted
        split "$tool" check $arguments
        [ "$status" -eq 2 ]
        [ -z "$out" ]
        one_line "$err"
    done
    split "$tool" check --growth=10% x.ht
    [[ $err == *"growth from what? Give a --baseline=FILE too"* ]]
    split "$tool" check --limits=no_size x.ht
    [[ $err == "heaptracker: no_size:1: '1Q' is no size"* ]]
    split "$tool" check --baseline=other.ht x.ht
    [[ $err == *"the baseline other.ht is of another program, other; this is sample"* ]]
}

@test "check --help fits one screen" {
    "$tool" check --help >out
    [ "$(wc -l <out)" -le 24 ]
    fails grep -Eq '^.{81}' out
}
