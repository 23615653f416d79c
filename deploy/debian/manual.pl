#!/usr/bin/perl
# Writes man pages from what `PROGRAM --experimental-dump-help` prints: manual.pl VERSION DIRECTORY <dump
# One page a program, one a subcommand: absurd(1), absurd-tasks(1), absurd-tasks-list(1).
use strict;
use warnings;
use JSON::PP;
use open qw(:std :encoding(UTF-8));

my ($version, $directory) = @ARGV;
die "usage: manual.pl VERSION DIRECTORY <dump\n" unless defined $directory;
my $root = JSON::PP->new->decode(do { local $/; <STDIN> })->{command};
my $program = $root->{commandName};

sub text { # as mdoc takes it: no line is mistaken for a request
    my ($text) = @_;
    $text =~ s/\\/\\e/g;
    $text =~ s/-/\\-/g;
    $text =~ s/^([.'])/\\&$1/mg;
    return $text;
}

sub paragraphs { # indented lines are examples and are set as they stand
    my $out = '';
    my $open = 0;
    for my $line (split /\n/, shift // '') {
        my $is_example = $line =~ /^\s+\S/;
        $out .= ".Bd -literal -offset indent\n" if $is_example && !$open;
        $out .= ".Ed\n" if !$is_example && $open;
        $open = $is_example;
        $out .= $line =~ /\S/ ? text($is_example ? $line =~ s/^  //r : $line) . "\n" : ".Pp\n";
    }
    $out .= ".Ed\n" if $open;
    $out =~ s/\.Pp\n(?=\.Bd|\z)//g; # a display brings its own space
    return $out;
}

sub spelling { my $name = shift; return ($name->{kind} eq 'long' ? '--' : '-') . $name->{name} }

sub synopsis {
    my ($arguments) = @_;
    my $out = '';
    for my $argument (@$arguments) {
        next if grep { ($_->{name} // '') =~ /^(help|version)$/ } @{ $argument->{names} // [] };
        my $what = $argument->{kind} eq 'positional' ? "Ar " . text($argument->{valueName})
            : 'Fl ' . text(spelling($argument->{preferredName}) =~ s/^-//r)
            . ($argument->{kind} eq 'option' ? ' Ar ' . text($argument->{valueName}) : '');
        $what .= ' ...' if $argument->{isRepeating};
        $out .= $argument->{isOptional} ? ".Op $what\n" : ".$what\n";
    }
    return $out;
}

sub entry {
    my ($argument) = @_;
    my $value = $argument->{valueName} // '';
    my $item = $argument->{kind} eq 'positional' ? 'Ar ' . text($value)
        : join(' , ', map { 'Fl ' . text(spelling($_) =~ s/^-//r) } @{ $argument->{names} })
        . ($argument->{kind} eq 'option' ? ' Ar ' . text($value) : '');
    my $about = $argument->{abstract} // '';
    $about .= " (default: $argument->{defaultValue})" if defined $argument->{defaultValue};
    return ".It $item\n" . text($about =~ s/\n/ /gr) . "\n";
}

sub page {
    my ($command, @above) = @_;
    my @words = (@above, $command->{commandName});
    my $name = join '-', @words;
    my @children = grep { $_->{shouldDisplay} && $_->{commandName} ne 'help' } @{ $command->{subcommands} // [] };
    my @arguments = grep { $_->{shouldDisplay} } @{ $command->{arguments} // [] };
    open my $page, '>', "$directory/$name.1" or die "manual: $directory/$name.1: $!\n";
    print $page ".\\\" Made from --experimental-dump-help.\n.Dd \$Mdocdate\$\n.Dt ", uc($name), " 1\n.Os \"Absurd $version\"\n";
    print $page ".Sh NAME\n.Nm $name\n.Nd ", text(($command->{abstract} // '') =~ s/\.$//r), "\n";
    print $page ".Sh SYNOPSIS\n.Nm ", text("@words"), "\n", synopsis(\@arguments), @children ? ".Ar command\n" : '';
    print $page ".Sh DESCRIPTION\n", paragraphs($command->{discussion}) if $command->{discussion};
    print $page ".Sh OPTIONS\n.Bl -tag -width Ds\n", (map { entry($_) } @arguments), ".El\n" if @arguments;
    if (@children) {
        print $page ".Sh COMMANDS\n.Bl -tag -width Ds\n";
        print $page ".It Xr ", text("$name-$_->{commandName}"), " 1\n", text($_->{abstract} // ''), "\n" for @children;
        print $page ".El\n";
    }
    print $page <<'END' if !@above;
.Sh EXIT STATUS
.Bl -tag -width Ds -compact
.It 0
It is done, or the answer is yes.
.It 1
It ran, and the answer is no.
.It 64
The command line is wrong.
.It 65
The data is bad.
.It 69
No database, or no leader.
.It 73
Something can't be written.
.It 75
Try again.
.It 77
Not allowed.
.It 78
The configuration is wrong.
.El
END
    my $above = join '-', @above;
    my @see = $above ? ($above) : grep { $_ ne $program } ('absurd', 'absurdctl');
    print $page ".Sh SEE ALSO\n", join(" ,\n", map { ".Xr " . text($_) . " 1" } @see), "\n";
    close $page or die "manual: $directory/$name.1: $!\n";
    page($_, @words) for @children;
}

page($root);
