#compdef vipctl
# Completion of vipctl for zsh.
_vipctl_states() {
  if ((${words[(I)flows]})); then
    compadd embryonic one_way replied established closing
  elif ((${words[(I)reals]})); then
    compadd up draining down
  else
    compadd serving no_real leaving
  fi
}
_arguments \
  '--url[of the API]:URL' \
  '--token-file[holds the token]:file:_files' \
  '--ca[whom to trust]:file:_files' \
  '--cert[to show, for https]:file:_files' \
  '--key[of --cert]:file:_files' \
  '(-o --output)'{-o,--output}'[how answers are shown]:format:(table wide json yaml)' \
  '--color[colours]:when:(auto always never)' \
  '--state[only these services, reals or flows]:state:_vipctl_states' \
  '--deadline[drain\: its flows go to others after]:time (600, 10m, 2h)' \
  '--force[drain\: also the last real of a service]' \
  '--wait[drain\: until it has no flows left]' \
  '--client[who asks, for dns]:address' \
  '(-f --file)'{-f,--file}'[what to apply]:file:_files' \
  '--interval[top\: between two looks]:seconds' \
  '--count[top\: how many pages]:number' \
  '--config[doctor\: of the gateway]:file:_files' \
  '(-w --write)'{-w,--write}'[capture\: the file; -\: standard output]:file:_files' \
  '--packets[trace, capture\: end after so many]:number' \
  '--seconds[trace, capture\: end after this time]:seconds' \
  '--real[flows\: address, with or without a port]:real' \
  '--service[flows\: its name]:service' \
  '--limit[flows\: how many]:number' \
  '--source[of packets]:address, prefix or address\:port' \
  '--destination[of packets]:address, prefix or address\:port' \
  '--protocol[of packets]:protocol:(tcp udp sctp icmp icmpv6)' \
  '--port[by which packets come or leave]:port' \
  '--worker[that receives or sends packets]:number' \
  '--snaplen[capture\: octets of each packet]:number' \
  '(-y --yes)'{-y,--yes}'[do not ask]' \
  '1:command:((status\:"what is wrong, then what there is" services\:"services and their reals"
    reals\:"reals, a line each" drain\:"take a real out gently" undrain\:"give it back"
    drains\:"reals that were taken out, and their flows" watch\:"what happens, a line each" events\:"watch"
    workers\:"what each worker does" ports\:"ports and their links"
    sources\:"where services come from" dns\:"what is answered to a question"
     flows\:"tracked flows" explain\:"where a packet would go" trace\:"what becomes of packets" capture\:"packets, as pcapng"
    export\:"as YAML for apply" apply\:"make these the services of the API"
    top\:"what is wrong, and what passes now" doctor\:"what is wrong with this machine"
    version\:"which version this is"))'
