# SPDX-License-Identifier: MIT
use strict;
my %count;
for my $i (1 .. 20000) {
    my $word = join '', map { chr(97 + $i * $_ % 26) } 1 .. 5;
    push @{ $count{$word} }, { n => $i, text => "$word$i" };
    (my $other = $word) =~ s/([aeiou])/<$1>/g;
    $count{$other}[0]{seen}++;
}
print scalar(grep { ref eq 'ARRAY' } values %count), "\n";
print join(',', (sort { $a cmp $b } keys %count)[0 .. 9]), "\n";
