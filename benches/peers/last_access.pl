#!/usr/bin/env perl
# Last login and logout of each user and service, from login and close lines: what imstrail -a answers, in Perl.
# Prints user, service, last login, last logout; tab-separated, in unix seconds, ordered by bytes.
# A close's start field is read with the offset of its line; rejects, damage, clocks and syslog are not looked into.
use strict;
use warnings;
use Time::Local qw(timegm);

my %service = (imapd => 'imap', popd => 'pop', httpd => 'http', mshttpd => 'http');
my @names = qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec);
my %month = map { $names[$_] => $_ + 1 } 0 .. 11;
my (%midnight, %login, %logout);

sub midnight {
    my ($year, $month, $day) = @_;
    return $midnight{"$year/$month/$day"} //= timegm(0, 0, 0, $day, $month - 1, $year);
}

my ($old, $at, $offset) = ('', 0, 0);
while (my $line = <>) {
    my ($stamp, $process, $event, $user, $rest) = $line =~
        m{^\[?(.{26})\]? [^ ]+ (imapd|popd|httpd|mshttpd)\[[0-9]+\]: [A-Za-z]+ [A-Za-z]+: ?(login|close) \[[^ ]+\] ([^ ]+) (.+)}
        or next;
    if ($stamp ne $old) {
        my ($d, $mon, $y, $h, $m, $s, $sign, $oh, $om) =
            $stamp =~ m{^(..)/(...)/(....):(..):(..):(..) ([+-])(..)(..)$} or next;
        $offset = ($oh * 3600 + $om * 60) * ($sign eq '-' ? -1 : 1);
        $at = midnight($y, $month{$mon}, $d + 0) + $h * 3600 + $m * 60 + $s - $offset;
        $old = $stamp;
    }
    my $key = lc($user) . "\t" . $service{$process};
    if ($event eq 'login') {
        $login{$key} = $at if $at > ($login{$key} // 0);
        next;
    }
    next if $user eq '[unauthenticated]';
    my ($y, $mon, $d, $h, $m, $s) =
        $rest =~ m{^([0-9]{4})/([0-9]+)/([0-9]+) ([0-9]+):(..):(..) [0-9]+:[0-9][0-9]:[0-9][0-9] [0-9]+ [0-9]+ [0-9]} or next;
    my $connect = midnight($y, $mon, $d) + $h * 3600 + $m * 60 + $s - $offset;
    $login{$key} = $connect if $connect > ($login{$key} // 0);
    $logout{$key} = $at if $at > ($logout{$key} // 0);
}
print "$_\t$login{$_}\t", $logout{$_} // '', "\n" for sort keys %login;
