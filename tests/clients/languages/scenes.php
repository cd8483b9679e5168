<?php
// php-amqplib, unmodified: what a PHP program observes.
//
//     php scenes.php 127.0.0.1 5672

require_once 'PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Exception\AMQPProtocolException;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

const PATIENCE_S = 20;

function connect(string $password = 'guest'): AMQPStreamConnection
{
    global $argv;
    return new AMQPStreamConnection($argv[1], (int) $argv[2], 'guest', $password);
}

function say(string $line): void
{
    echo preg_replace('/amq\.gen-[\w-]{22}/', 'amq.gen-…', $line), "\n";
}

$connection = connect();
$server = $connection->getServerProperties();
say("{$server['product'][1]} {$server['version'][1]}");

$channel = $connection->channel();
$channel->confirm_select();
$channel->set_return_listener(function ($code, $text, $exchange, $key, $message) {
    say("returned: $code $text $key {$message->body}");
});
$channel->set_ack_handler(function ($message) {
    say("confirmed: {$message->body}");
});
$channel->exchange_declare('php.headers', 'headers', false, false, true);
$channel->basic_publish(new AMQPMessage('nobody'), 'php.headers', 'k', true);
$channel->wait_for_pending_acks_returns(PATIENCE_S);

[$queue] = $channel->queue_declare('', false, false, true, false);
$channel->queue_bind($queue, 'php.headers', '', false, new AMQPTable(['x-match' => 'any', 'kind' => 'a', 'size' => 3]));
$message = new AMQPMessage('wanted', ['type' => 'greeting', 'delivery_mode' => 2, 'priority' => 4, 'timestamp' => 1700000000]);
$message->set('application_headers', new AMQPTable(['kind' => 'a', 'deep' => ['list' => [1, 'two', true, null, 2.5]]]));
$channel->basic_publish($message, 'php.headers');
$channel->wait_for_pending_acks_returns(PATIENCE_S);
$got = $channel->basic_get($queue, true);
say("got: {$got->body} {$got->get('type')} {$got->get('delivery_mode')} {$got->get('priority')} {$got->get('timestamp')}");
say(json_encode($got->get('application_headers')->getNativeData()));

$channel = $connection->channel();
$channel->basic_qos(0, 2, false);
$channel->basic_publish(new AMQPMessage('m0'), '', $queue);
$seen = 0;
$channel->basic_consume($queue, 'php', false, false, false, false, function ($message) use ($channel, &$seen) {
    say("delivered: {$message->body}" . ($message->delivery_info['redelivered'] ? ' (redelivered)' : ''));
    $tag = $message->delivery_info['delivery_tag'];
    $seen++ ? $channel->basic_ack($tag) : $channel->basic_reject($tag, true);
});
while ($seen < 2) {
    $channel->wait(null, false, PATIENCE_S);
}
foreach (['m1', 'm2'] as $body) {
    $channel->basic_publish(new AMQPMessage($body), '', $queue);
}
while ($seen < 4) {
    $channel->wait(null, false, PATIENCE_S);
}
$channel->basic_cancel('php');

$mistakes = [
    'no such queue' => fn ($it) => $it->queue_declare('php.nobody', true),
    'other arguments' => fn ($it) => $it->queue_declare($queue, false, false, true, false, false, new AMQPTable(['x-expires' => 1000])),
    'an own name' => fn ($it) => $it->queue_declare('amq.php'),
    'no such binding' => fn ($it) => $it->queue_bind($queue, 'php.nothing'),
];
foreach ($mistakes as $what => $mistake) {
    try {
        $mistake($connection->channel());
    } catch (AMQPProtocolException $error) {
        say("$what: {$error->getCode()} {$error->getMessage()}");
    }
}
try {
    connect('wrong');
} catch (Exception $error) {
    say('a wrong password: ' . $error->getMessage());
}
$connection->close();
