# One remedy for each cause. A new story of fill every few minutes, each with another culprit.

settings levels: { forecast = 0; hold = 0; };
table max=10000 buckets=10000 count=100
look at 1s

# The host talks to itself.
who nobody
who entries=5000 margin=138 loopback=4000 source=127.0.0.1/4000
table count=8000
look at 200s
says usage begin level=warning remedy*=iif~lo~notrack
table count=100
look at 201s
says usage end level=ok

# One source.
who nobody
who entries=5000 margin=138 source=2001:db8:1::/64/7000
table count=8000
look at 400s
says usage begin remedy*=ip6~saddr~2001:db8:1::/64~drop
table count=100
look at 401s
says usage end

# DNS.
who nobody
who entries=5000 margin=138 source=192.0.2.7/100 dns=3000
table count=8000
look at 600s
says usage begin remedy*=udp~dport~53~notrack
table count=100
look at 601s
says usage end

# A SYN flood.
who nobody
who entries=5000 margin=138 source=192.0.2.7/1 state=tcp/SYN_SENT/6000
table count=8000
look at 800s
says usage begin remedy*=tcp~flags~syn
table count=100
look at 801s
says usage end

# UDP that nobody answers.
who nobody
who entries=5000 margin=138 source=192.0.2.7/1 state=udp/unreplied/6000
table count=8000
look at 1000s
says usage begin remedy*=l4proto~udp
table count=100
look at 1001s
says usage end

# Established TCP, idle, kept for five days.
who nobody
who entries=5000 margin=138 source=192.0.2.7/1 state=tcp/ESTABLISHED/9000 idle=6000
table count=8000
look at 1200s
says usage begin remedy*=tcp_timeout_established=7200
table count=100
look at 1201s
says usage end

# Nothing stands out: the table is too small for what it has to carry.
who nobody
who entries=5000 margin=138 source=192.0.2.7/1 state=tcp/ESTABLISHED/9000
table count=8000
look at 1400s
says usage begin remedy*=nf_conntrack_max=20000
table count=100
look at 1401s
says usage end

# Chains too long: buckets, whoever it is.
table insert_failed+=5 chainlength+=5
look at 1500s
says chain_too_long begin remedy*=nf_conntrack_buckets=20000
look at 1501s
says chain_too_long end
