#!/bin/sh
# The command-line tools of librabbitmq, the C client, unmodified: what a shell script observes.
#
#     sh scenes.sh amqp://guest:guest@127.0.0.1:5672/%2f

url=$1
said() { sed -e 's/^[a-z-]*: //' -e 's/^/  /'; }

echo "declare:"; amqp-declare-queue --url "$url" --queue c.queue --durable
echo "publish, get:"
amqp-publish --url "$url" --routing-key c.queue --body "one" --persistent --content-type text/plain --header kind:greeting
amqp-get --url "$url" --queue c.queue; echo
echo "get from an empty queue:"; amqp-get --url "$url" --queue c.queue; echo "status $?"
echo "many lines, consumed:"
printf 'two\nthree\nfour\n' | amqp-publish --url "$url" --routing-key c.queue --line-buffered
amqp-consume --url "$url" --queue c.queue --prefetch-count 1 --count 3 cat
echo "an exchange, a key:"
amqp-consume --url "$url" --exchange amq.topic --routing-key 'c.#' --count 1 cat &
consumer=$!
for try in 1 2 3 4 5 6 7 8 9 10; do # the queue is the consumer's own: it takes what comes once it is bound
  sleep 0.3
  kill -0 $consumer 2>/dev/null || break
  amqp-publish --url "$url" --exchange amq.topic --routing-key c.d --body "through the topic"
done
wait $consumer; echo
echo "no such queue:"; amqp-get --url "$url" --queue c.nobody 2>&1 | said
echo "other properties:"; amqp-declare-queue --url "$url" --queue c.queue 2>&1 | said
echo "a wrong password:"
amqp-publish --url "$(echo "$url" | sed s/guest@/wrong@/)" --routing-key c.queue --body x 2>&1 | said
echo "delete:"; amqp-delete-queue --url "$url" --queue c.queue
