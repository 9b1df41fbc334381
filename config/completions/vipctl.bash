# Completion of vipctl for bash.
_vipctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  case $before in
    -o | --output) COMPREPLY=($(compgen -W "table json" -- "$word")) ;;
    --state) COMPREPLY=($(compgen -W "serving no_real leaving" -- "$word")) ;;
    --protocol) COMPREPLY=($(compgen -W "tcp udp sctp icmp icmpv6" -- "$word")) ;;
    -w | --write | -f | --file | --ca | --token-file) COMPREPLY=($(compgen -f -- "$word")) ;;
    *)
      COMPREPLY=($(compgen -W "status services reals drain undrain drains events workers ports sources dns
        explain trace capture export apply --url --token-file --ca --output --state --deadline --force --wait --client --file
        --yes --packets --seconds --source --destination --protocol --port --worker --snaplen --write --help --version" -- "$word"))
      ;;
  esac
}
complete -F _vipctl vipctl
