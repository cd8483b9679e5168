# Bunny, the Ruby client, unmodified: what a Ruby program observes.
#
#     ruby scenes.rb amqp://guest:guest@127.0.0.1:5672/%2f

require "bunny"

$stdout.sync = true
uri = ARGV[0]
QUIET = { log_level: Logger::FATAL, automatically_recover: false }

def wait(queue)
  Timeout.timeout(20) { queue.pop }
end

connection = Bunny.new(uri, **QUIET).start
puts "#{connection.server_properties["product"]} #{connection.server_properties["version"]}"

channel = connection.create_channel
channel.confirm_select
returned = Queue.new
exchange = channel.topic("ruby.topic", auto_delete: true)
exchange.on_return { |info, _, body| returned << "#{info.reply_code} #{info.reply_text} #{body}" }
exchange.publish("nobody", routing_key: "a.b", mandatory: true)
puts "returned: #{wait(returned)}"

queue = channel.queue("", exclusive: true).bind(exchange, routing_key: "a.#")
headers = { "text" => "grüße", "number" => 2**40, "float" => 1.5, "yes" => true, "list" => [1, "two", { "four" => 4 }] }
exchange.publish("all", routing_key: "a.b.c", headers: headers, type: "greeting", priority: 3, persistent: true,
                        message_id: "m", correlation_id: "c", timestamp: 1_700_000_000, app_id: "scenes")
puts "confirmed: #{channel.wait_for_confirms}"
_, properties, body = queue.pop
puts "got: #{body} #{properties[:type]} #{properties[:priority]} #{properties[:delivery_mode]} " \
     "#{properties[:timestamp].to_i} #{properties[:message_id]}"
properties[:headers].sort.each { |name, value| puts "  #{name}: #{value.inspect}" }

channel.prefetch(1)
got = Queue.new
exchange.publish("m0", routing_key: "a")
consumer = queue.subscribe(manual_ack: true) { |info, _, text| got << [info, text] }
info, text = wait(got)
channel.nack(info.delivery_tag, false, true)
info, again = wait(got)
puts "given back: #{text}, #{again}, redelivered: #{info.redelivered?}"
channel.ack(info.delivery_tag)
(1..4).each { |number| exchange.publish("m#{number}", routing_key: "a") }
4.times do
  info, text = wait(got)
  puts "next: #{text}"
  channel.ack(info.delivery_tag)
end
consumer.cancel

mistakes = {
  "no such queue" => ->(it) { it.queue_declare("ruby.nobody", passive: true) },
  "other arguments" => ->(it) { it.queue(queue.name, exclusive: true, arguments: { "x-max-length" => 1 }) },
  "an own name" => ->(it) { it.exchange_declare("amq.ruby", "direct") },
  "a wrong argument" => ->(it) { it.queue("ruby.wrong", exclusive: true, arguments: { "x-max-priority" => 300 }) }
}
mistakes.each do |what, mistake|
  mistake.call(connection.create_channel)
rescue Bunny::ChannelLevelException => e
  puts "#{what}: #{e.class}: #{e.message}".gsub(/amq\.gen-[\w-]{22}/, "amq.gen-…")
end

begin
  Bunny.new(uri.sub("guest@", "wrong@"), **QUIET, recover_from_connection_close: false).start
rescue Bunny::AuthenticationFailureError, Bunny::PossibleAuthenticationFailureError => e
  puts "a wrong password: #{e.class}"
end

connection.close
