#!/bin/sh
# The shells take the completions of vipctl as theirs: completions_test.sh DIRECTORY. Exit status 77:
# there is no zsh.
set -eu
command -v zsh >/dev/null || exit 77
directory=$1
functions=$(mktemp -d)
trap 'rm -rf "$functions"' EXIT

bash -n "$directory/vipctl.bash"
bash -ec '. "$1"; complete -p vipctl' sh "$directory/vipctl.bash" >/dev/null

zsh -n "$directory/vipctl.zsh"
# As the package installs it.
cp "$directory/vipctl.zsh" "$functions/_vipctl"
found=$(zsh -fc '
  fpath=($1 $fpath)
  autoload -Uz compinit
  compinit -u -d $1/dump
  autoload +X -Uz _vipctl || exit
  print -r -- $_comps[vipctl]' zsh "$functions")
[ "$found" = _vipctl ] || { echo "zsh completes vipctl by '$found', not by _vipctl"; exit 1; }

bash -ec '. "$1"
  COMP_WORDS=(vipctl flows --state est) COMP_CWORD=3
  _vipctl
  [ "${COMPREPLY[*]}" = established ]' sh "$directory/vipctl.bash" ||
  { echo "bash does not complete the states of flows"; exit 1; }

# zsh_makes TYPED WHOLE: what a user sees after Tab, in a terminal of zsh.
zsh_makes() {
  shown=$(cd "$functions" && timeout 20 zsh -fc '
    zmodload zsh/zpty
    zpty shell zsh -fi
    zpty -w shell "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -d $1/dump; echo re\ady"
    zpty -r -m shell line "*ready*" || exit
    zpty -w -n shell "$2"$'\''\t'\''
    zpty -r -m shell line "*$3*" && print -r -- $line' zsh "$functions" "$1" "$2" </dev/null) ||
    shown="nothing in 20 seconds"
  case $shown in
    *"$2"*) ;;
    *) echo "zsh makes of '$1' and Tab: $shown"; exit 1 ;;
  esac
}
zsh_makes 'vipctl sta' 'vipctl status'
zsh_makes 'vipctl flows --state est' 'vipctl flows --state established'
zsh_makes 'vipctl reals --state dr' 'vipctl reals --state draining'
zsh_makes 'vipctl services --state no' 'vipctl services --state no_real'
