# Completion of vipctl for bash.
_vipctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  case $before in
    -o | --output) COMPREPLY=($(compgen -W "table wide json yaml" -- "$word")) ;;
    --color) COMPREPLY=($(compgen -W "auto always never" -- "$word")) ;;
    --state)
      local states="serving no_real leaving"
      [[ " ${COMP_WORDS[*]} " != *" reals "* ]] || states="up draining down"
      [[ " ${COMP_WORDS[*]} " != *" flows "* ]] || states="embryonic one_way replied established closing"
      COMPREPLY=($(compgen -W "$states" -- "$word"))
      ;;
    --protocol) COMPREPLY=($(compgen -W "tcp udp sctp icmp icmpv6" -- "$word")) ;;
    -w | --write | -f | --file | --config | --ca | --cert | --key | --token-file) COMPREPLY=($(compgen -f -- "$word")) ;;
    *)
      COMPREPLY=($(compgen -W "status services reals drain undrain drains watch events workers ports sources dns
        flows explain trace capture export apply top doctor version --url --token-file --ca --cert --key --output --color --state --deadline
        --force --wait --client --interval --count --config --file --yes --packets --seconds --source --destination
        --protocol --port --worker --snaplen --write --real --service --limit --help --help-all --version" -- "$word"))
      ;;
  esac
}
complete -F _vipctl vipctl
