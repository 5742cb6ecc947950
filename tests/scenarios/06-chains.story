# max was raised and the buckets forgotten: insertions are refused far below max, without a line in
# the kernel log, and without moving `drop`. The counters of an idle table are read every ten seconds.

settings levels: { forecast = 0; };
table max=1000000 buckets=4096 count=100000
poll at 1s
table insert_failed+=24 chainlength+=24
poll until 11s
alerts chain_too_long begin level=ok chain_too_long=24 insert_failed=0 drops=0
poll until 30s
alerts chain_too_long end

# A minute later the table is idle again. While its count changes, the counters are read every second.
poll every 1s until 120s
alerts nothing
poll every 1s until 123s count+=10
poll every 1s until 124s count+=10 insert_failed+=5 chainlength+=5
alerts chain_too_long begin level=ok chain_too_long=5 at=124s

# So they are for a minute after the last loss, also in a table whose count does not change.
poll every 1s until 150s
alerts chain_too_long end
poll every 1s until 170s
poll every 1s until 171s insert_failed+=5 chainlength+=5
alerts chain_too_long begin at=171s
