"""A Mesos master for tests and the demo: the real protocol, a made-up cluster, and faults.

  cluster.py   what there is: agents, frameworks, tasks, and the events that a change makes
  messages.py  how Mesos prints it: v1 events and GET_STATE, v0 /state
  generate.py  large clusters, as bytes, from templates
  faults.py    what goes wrong on a stream
  http.py      as much of HTTP/1.1 as the masters speak
  server.py    the masters themselves, and the commands that tests give them
  client.py    how tests reach them, in this process or in another
"""
