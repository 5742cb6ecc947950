# One cause for each table that fills, and what it is about. The table fills every few minutes.

settings levels: { forecast = 0; hold = 0; };
table max=10000 buckets=10000 count=100
poll at 1s

# The host talks to itself, and a quarter of the table is enough.
talkers unknown
talkers entries=5000 loopback=2500 source=127.0.0.1/6000 destination=127.0.0.1/6000
table count=8000
poll at 200s
alerts usage begin cause=loopback top_destination=127.0.0.1~60.0%
table count=100
poll at 201s
# What is over has no cause.
alerts usage end cause=-

# DNS on loopback that is translated must be tracked.
talkers unknown
talkers entries=5000 loopback=9000 loopback_nat=10 dns=9000
table count=8000
poll at 400s
alerts usage begin cause=dns
table count=100
poll at 401s
alerts usage end

# Forwarded DNS of one client: to cap the client harms more.
talkers unknown
talkers entries=5000 dns=9000 source=192.0.2.7/9000
table count=8000
poll at 600s
alerts usage begin cause=dns
table count=100
poll at 601s
alerts usage end

talkers unknown
talkers entries=5000 dns=3000 source=192.0.2.7/6000
table count=8000
poll at 800s
alerts usage begin cause=one_source
table count=100
poll at 801s
alerts usage end

# Connections that are closed, by both ends or by one.
talkers unknown
talkers entries=5000 state=tcp/TIME_WAIT/5000 source=192.0.2.7/9000
table count=8000
poll at 1000s
alerts usage begin cause=time_wait
table count=100
poll at 1001s
alerts usage end

talkers unknown
talkers entries=5000 state=tcp/CLOSE_WAIT/5000 destination=192.0.2.8/9000
table count=8000
poll at 1200s
alerts usage begin cause=close_wait
table count=100
poll at 1201s
alerts usage end

talkers unknown
talkers entries=5000 state=tcp/ESTABLISHED/9000 idle=5000 source=192.0.2.7/9000
table count=8000
poll at 1400s
alerts usage begin cause=idle_established
table count=100
poll at 1401s
alerts usage end

# ICMP of both families together.
talkers unknown
talkers entries=5000 icmp=2000 icmpv6=3000 source=2001:db8::/64/9000
table count=8000
poll at 1600s
alerts usage begin cause=icmp
table count=100
poll at 1601s
alerts usage end

# A flood of many sources; one source is named before what it sends.
talkers unknown
talkers entries=5000 state=tcp/SYN_SENT/3000 state=tcp/SYN_RECV/2000 source=192.0.2.7/5000
table count=8000
poll at 1800s
alerts usage begin cause=syn_flood
table count=100
poll at 1801s
alerts usage end

talkers unknown
talkers entries=5000 state=udp/unreplied/5000 destination=192.0.2.8/9000
table count=8000
poll at 2000s
alerts usage begin cause=udp_unreplied
table count=100
poll at 2001s
alerts usage end

talkers unknown
talkers entries=5000 state=udp/unreplied/9000 source=192.0.2.7/5001
table count=8000
poll at 2200s
alerts usage begin cause=one_source
table count=100
poll at 2201s
alerts usage end

# One service that many clients use.
talkers unknown
talkers entries=5000 state=tcp/ESTABLISHED/9000 destination=198.51.100.7/5001 service=198.51.100.7/443/5000
table count=8000
poll at 2400s
alerts usage begin cause=one_destination top_destination=198.51.100.7~50.0%
table count=100
poll at 2401s
alerts usage end

# Nothing stands out.
talkers unknown
talkers entries=5000 state=tcp/ESTABLISHED/9000 source=192.0.2.7/5000 destination=198.51.100.7/5000 dns=2499 loopback=2499
table count=8000
poll at 2600s
alerts usage begin cause=too_small
table count=100
poll at 2601s
alerts usage end

# Packets wait in a queue: they are in no dump.
talkers unknown
talkers entries=0 unconfirmed=8000
host total=1GiB available=512MiB queue=5/7990
table count=8000
poll at 2800s
alerts usage begin cause=unconfirmed
table count=100
poll at 2801s
alerts usage end

# The sample is of no use, but the queue is known.
talkers unknown
host queue=5/4000
table count=8000
poll at 3000s
alerts usage begin cause=unconfirmed
table count=100
poll at 3001s
alerts usage end

# Nothing is known.
host unknown
table count=8000
poll at 3200s
alerts usage begin cause=unknown
table count=100
poll at 3201s
alerts usage end
alerts nothing

# A forecast and an eviction of the poll that starts the sample wait for it as well.
settings levels: { hold = 0; };
walk takes 20ms
talkers entries=5000 source=192.0.2.7/9000
table count=8000
poll at 3400s
alerts nothing
poll at 3401s
alerts usage begin level=warning cause=one_source
alerts forecast begin cause=one_source
