# A busy resolver loses a race now and then, which is noise. A NAT that has run out of ports does
# not: every clash moves both `drop` and `insert_failed`, and is no full table.

settings levels: { forecast = 0; };
table max=100000 count=20000
poll at 1s
poll every 5s until 120s drop+=1 insert_failed+=1
alerts nothing
poll every 1s until 130s drop+=40 insert_failed+=40
alerts insert_failed begin level=ok drops=0
poll until 200s
alerts insert_failed end
alerts nothing
