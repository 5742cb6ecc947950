# max was raised and the buckets forgotten: insertions are refused far below max, without a line in
# the kernel log, and without moving `drop`. The counters of a calm table are read every ten seconds.

settings levels: { forecast = 0; };
table max=1000000 buckets=4096 count=100000
poll at 1s
table insert_failed+=24 chainlength+=24
poll until 11s
alerts chain_too_long begin level=ok chain_too_long=24 insert_failed=0 drops=0
poll until 30s
alerts chain_too_long end
