# One remedy for each cause: the table fills every few minutes, each time with another culprit.

settings levels: { forecast = 0; hold = 0; };
table max=10000 buckets=10000 count=100
poll at 1s

# The host talks to itself.
talkers unknown
talkers entries=5000 margin=138 loopback=4000 source=127.0.0.1/4000
table count=8000
poll at 200s
alerts usage begin level=warning remedy*=stop~tracking~it
table count=100
poll at 201s
alerts usage end level=ok

# One source.
talkers unknown
talkers entries=5000 margin=138 source=2001:db8:1::/64/7000
table count=8000
poll at 400s
alerts usage begin remedy*=2001:db8:1::/64~holds~70.0
table count=100
poll at 401s
alerts usage end

# DNS.
talkers unknown
talkers entries=5000 margin=138 source=192.0.2.7/100 dns=3000
table count=8000
poll at 600s
alerts usage begin remedy*=cap~new~UDP~flows
table count=100
poll at 601s
alerts usage end

# A SYN flood.
talkers unknown
talkers entries=5000 margin=138 source=192.0.2.7/1 state=tcp/SYN_SENT/6000
table count=8000
poll at 800s
alerts usage begin remedy*=Half-open~TCP
table count=100
poll at 801s
alerts usage end

# UDP without replies.
talkers unknown
talkers entries=5000 margin=138 source=192.0.2.7/1 state=udp/unreplied/6000
table count=8000
poll at 1000s
alerts usage begin remedy*=UDP~without~a~reply
table count=100
poll at 1001s
alerts usage end

# Established TCP, idle, with a timeout of five days.
talkers unknown
talkers entries=5000 margin=138 source=192.0.2.7/1 state=tcp/ESTABLISHED/9000 idle=6000
table count=8000
poll at 1200s
alerts usage begin remedy*=more~than~2~h~4~min
table count=100
poll at 1201s
alerts usage end

# Nothing stands out: the table is too small for what it has to carry.
talkers unknown
talkers entries=5000 margin=138 source=192.0.2.7/1 state=tcp/ESTABLISHED/9000
table count=8000
poll at 1400s
alerts usage begin remedy*=from~10000~to~20000
table count=100
poll at 1401s
alerts usage end

# Chains too long: more buckets, with any culprit.
table insert_failed+=5 chainlength+=5
poll at 1500s
alerts chain_too_long begin remedy*=from~10000~to~20000
poll at 1501s
alerts chain_too_long end
