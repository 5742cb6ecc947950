# The table fills steadily: the forecast comes minutes ahead, not because of one busy second.

table max=262144 count=10000
poll at 1s
poll until 60s
# One second of a thousand new entries would fill it in four minutes, if it went on.
poll until 61s count=11000
poll until 120s
alerts nothing

# It does go on: a rate is believed after a tenth of the time it forecasts.
poll until 180s count=71000
alerts forecast begin level=ok from=125s by=160s
alerts nothing
poll until 240s
alerts forecast end
