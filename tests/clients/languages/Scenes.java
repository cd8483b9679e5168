// RabbitMQ's Java client, unmodified: scenes that print what a Java program observes.
//
//     java -cp amqp-client.jar:slf4j-api.jar:slf4j-nop.jar:. Scenes amqp://guest:guest@127.0.0.1:5672/%2f
//
// Nothing that a broker invents (queue names, ports, times) is printed, so the output is the same each time, and
// with each broker that behaves the same.

import com.rabbitmq.client.*;
import java.io.*;
import java.math.BigDecimal;
import java.net.*;
import java.util.*;
import java.util.concurrent.*;

public class Scenes {
    static final int PATIENCE_S = 20;
    static String uri;
    static Connection connection;
    static Channel channel;

    interface Scene {
        void play() throws Exception;
    }

    public static void main(String[] words) {
        uri = words[0];
        try {
            System.setOut(new PrintStream(new FileOutputStream(FileDescriptor.out), true, "UTF-8"));
            playAll();
        } catch (Exception error) {
            error.printStackTrace();
            System.exit(1);
        }
    }

    static void playAll() throws Exception {
        connection = factory().newConnection("scenes");
        scene("what the server says of itself", Scenes::server);
        scene("exchanges, queues, bindings", Scenes::topology);
        scene("every property and every type of header", Scenes::properties);
        scene("returns", Scenes::returns);
        scene("confirms", Scenes::confirms);
        scene("transactions", Scenes::transactions);
        scene("a consumer with a window", Scenes::consuming);
        scene("the queue goes, the consumer hears of it", Scenes::cancelled);
        scene("large bodies and many channels", Scenes::large);
        scene("errors of a channel", Scenes::channelErrors);
        scene("errors of a connection", Scenes::connectionErrors);
        scene("doors that stay closed", Scenes::doors);
        scene("calls", Scenes::calls);
        scene("non-blocking sockets", Scenes::nonBlocking);
        scene("heartbeats", Scenes::heartbeats);
        scene("recovery", Scenes::recovery);
        connection.close();
    }

    static void scene(String title, Scene scene) throws Exception {
        System.out.println("== " + title);
        channel = connection.createChannel();
        scene.play();
        if (channel.isOpen()) channel.close();
    }

    static void say(String what, Object... values) {
        System.out.println(String.format(what, values));
    }

    static ConnectionFactory factory() throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(uri);
        factory.setAutomaticRecoveryEnabled(false);
        return factory;
    }

    static <T> T await(BlockingQueue<T> queue) throws Exception {
        T found = queue.poll(PATIENCE_S, TimeUnit.SECONDS);
        if (found == null) throw new TimeoutException("nothing came");
        return found;
    }

    static String text(byte[] body) {
        return new String(body);
    }

    static GetResponse fetch(String queue) throws Exception {
        for (int i = 0; i < 1000; i++) {
            GetResponse found = channel.basicGet(queue, true);
            if (found != null) return found;
            Thread.sleep(10);
        }
        throw new TimeoutException("the queue stays empty");
    }

    // --- scenes ----------------------------------------------------------------------------------------------

    static void server() {
        Map<String, Object> told = new TreeMap<>(connection.getServerProperties());
        told.remove("cluster_name");
        told.forEach((name, value) -> say("%s = %s", name, value));
        say("channel max %d, frame max %d, heartbeat %d",
            connection.getChannelMax(), connection.getFrameMax(), connection.getHeartbeat());
    }

    static void topology() throws Exception {
        String queue = channel.queueDeclare().getQueue();
        say("a generated name: %s", queue.replaceFirst("amq.gen-[A-Za-z0-9_-]{22}", "amq.gen-…"));
        for (BuiltinExchangeType type : BuiltinExchangeType.values()) {
            String name = "java." + type.getType();
            channel.exchangeDeclare(name, type, false, true, Collections.emptyMap());
            channel.queueBind(queue, name, "a.*", Collections.singletonMap("kind", "x"));
            Map<String, Object> headers = Collections.singletonMap("kind", "x");
            AMQP.BasicProperties properties = new AMQP.BasicProperties.Builder().headers(headers).build();
            for (String key : new String[] {"a.*", "a.b", "c"}) channel.basicPublish(name, key, properties, key.getBytes());
            StringBuilder got = new StringBuilder();
            for (GetResponse one; (one = channel.basicGet(queue, true)) != null; ) got.append(' ').append(text(one.getBody()));
            say("%s:%s", type.getType(), got);
        }
        channel.exchangeDeclare("java.behind", "fanout", false, true, null);
        channel.exchangeBind("java.topic", "java.behind", "");
        channel.basicPublish("java.behind", "a.through", null, "through".getBytes());
        say("through two exchanges: %s", text(fetch(queue).getBody()));
        channel.exchangeUnbind("java.topic", "java.behind", "");
        channel.queueUnbind(queue, "java.direct", "a.*", Collections.singletonMap("kind", "x"));
        try {
            channel.exchangeDeclarePassive("java.direct");
        } catch (IOException gone) {
            say("auto-delete: %s", reason(gone));
        }
    }

    static void properties() throws Exception {
        Map<String, Object> headers = new TreeMap<>();
        headers.put("byte", (byte) -5);
        headers.put("short", (short) -300);
        headers.put("int", 70000);
        headers.put("long", 1L << 40);
        headers.put("float", 1.5f);
        headers.put("double", Math.PI);
        headers.put("decimal", new BigDecimal("12.34"));
        headers.put("boolean", true);
        headers.put("string", "grüße");
        headers.put("bytes", new byte[] {0, (byte) 0xff});
        headers.put("date", new Date(1_700_000_000_000L));
        headers.put("null", null);
        headers.put("list", Arrays.asList(1, "two", Arrays.asList(3L), Collections.singletonMap("four", 4)));
        headers.put("map", Collections.singletonMap("inner", Collections.singletonMap("deep", 1)));
        AMQP.BasicProperties sent = new AMQP.BasicProperties.Builder()
            .contentType("text/plain").contentEncoding("utf-8").headers(headers).deliveryMode(2).priority(9)
            .correlationId("c-1").replyTo("answers").expiration("60000").messageId("m-1")
            .timestamp(new Date(1_700_000_000_000L)).type("greeting").userId("guest").appId("scenes")
            .clusterId("cluster").build();
        String queue = channel.queueDeclare().getQueue();
        channel.basicPublish("", queue, sent, new byte[0]);
        AMQP.BasicProperties got = fetch(queue).getProps();
        say("%s %s mode %d priority %d %s %s %s %s %d %s %s %s %s", got.getContentType(), got.getContentEncoding(),
            got.getDeliveryMode(), got.getPriority(), got.getCorrelationId(), got.getReplyTo(), got.getExpiration(),
            got.getMessageId(), got.getTimestamp().getTime(), got.getType(), got.getUserId(), got.getAppId(),
            got.getClusterId());
        new TreeMap<>(got.getHeaders()).forEach((name, value) -> say("%s: %s", name, shown(value)));
    }

    static String shown(Object value) {
        if (value == null) return "null";
        if (value instanceof byte[]) return "byte[] " + Arrays.toString((byte[]) value);
        if (value instanceof Date) return "Date " + ((Date) value).getTime();
        return value.getClass().getSimpleName() + " " + value;
    }

    static void returns() throws Exception {
        BlockingQueue<String> returned = new LinkedBlockingQueue<>();
        channel.addReturnListener((code, text, exchange, key, properties, body) ->
            returned.add(String.format("%d %s exchange=%s key=%s %s", code, text, exchange, key, text(body))));
        channel.basicPublish("", "java.nobody", true, null, "back".getBytes());
        say(await(returned));
        channel.basicPublish("amq.fanout", "java.nobody", true, null, "again".getBytes());
        say(await(returned));
    }

    static void confirms() throws Exception {
        channel.confirmSelect();
        SortedSet<Long> open = Collections.synchronizedSortedSet(new TreeSet<>());
        channel.addConfirmListener(
            (tag, multiple) -> { if (multiple) open.headSet(tag + 1).clear(); else open.remove(tag); },
            (tag, multiple) -> say("refused: %d", tag));
        for (int i = 0; i < 1000; i++) {
            open.add(channel.getNextPublishSeqNo());
            channel.basicPublish("", "java.nobody", null, "x".getBytes());
        }
        say("all confirmed: %b, open: %d, next: %d", channel.waitForConfirms(PATIENCE_S * 1000), open.size(), channel.getNextPublishSeqNo());
        Map<String, Object> small = new HashMap<>();
        small.put("x-max-length", 1);
        small.put("x-overflow", "reject-publish");
        String queue = channel.queueDeclare("", false, true, true, small).getQueue();
        channel.basicPublish("", queue, null, "fits".getBytes());
        say("fits: %b", channel.waitForConfirms(PATIENCE_S * 1000));
        channel.clearConfirmListeners();
        channel.basicPublish("", queue, null, "does not".getBytes());
        say("one more: %b", channel.waitForConfirms(PATIENCE_S * 1000));
    }

    static void transactions() throws Exception {
        channel.txSelect();
        String queue = channel.queueDeclare().getQueue();
        channel.basicPublish("", queue, null, "forgotten".getBytes());
        channel.txRollback();
        channel.basicPublish("", queue, null, "kept".getBytes());
        say("before the commit: %d", channel.messageCount(queue));
        channel.txCommit();
        say("after it: %s", text(fetch(queue).getBody()));
    }

    static void consuming() throws Exception {
        String queue = channel.queueDeclare("java.work", false, true, false, null).getQueue();
        for (int i = 0; i < 3; i++) channel.basicPublish("", queue, null, ("m" + i).getBytes());
        channel.basicQos(2);
        BlockingQueue<Delivery> got = new LinkedBlockingQueue<>();
        String tag = channel.basicConsume(queue, false, "java", (consumer, one) -> got.add(one), consumer -> { });
        Delivery first = await(got), second = await(got);
        say("%s: %s, then %s, and no more: %b", tag, seen(first), seen(second), got.poll(300, TimeUnit.MILLISECONDS) == null);
        channel.basicReject(first.getEnvelope().getDeliveryTag(), false);
        Delivery third = await(got);
        say("next: %s", seen(third));
        channel.basicNack(third.getEnvelope().getDeliveryTag(), false, true);
        Delivery again = await(got);
        say("given back, it comes again: %s", seen(again));
        channel.basicAck(again.getEnvelope().getDeliveryTag(), true);
        for (int i = 3; i < 5; i++) channel.basicPublish("", queue, null, ("m" + i).getBytes());
        say("the rest: %s, %s", seen(await(got)), seen(await(got)));
        channel.basicRecover(true);
        say("after recover: %s, %s", seen(await(got)), seen(await(got)));
        channel.basicCancel(tag);
        say("consumers: %d, ready: %d", channel.consumerCount(queue), channel.messageCount(queue));
    }

    static String seen(Delivery one) {
        Envelope envelope = one.getEnvelope();
        return text(one.getBody()) + (envelope.isRedeliver() ? " (redelivered)" : "");
    }

    static void cancelled() throws Exception {
        String queue = channel.queueDeclare().getQueue();
        BlockingQueue<String> told = new LinkedBlockingQueue<>();
        channel.basicConsume(queue, true, "waiting", (consumer, one) -> { }, told::add);
        channel.queueDelete(queue);
        say("cancelled: %s", await(told));
    }

    static void large() throws Exception {
        byte[] body = new byte[1_000_000];
        new Random(1).nextBytes(body);
        String queue = channel.queueDeclare().getQueue();
        channel.basicPublish("", queue, null, body);
        say("a million octets, the same: %b", Arrays.equals(fetch(queue).getBody(), body));
        List<Channel> many = new ArrayList<>();
        for (int i = 0; i < 200; i++) many.add(connection.createChannel());
        for (Channel one : many) one.basicPublish("", queue, null, "x".getBytes());
        for (Channel one : many) one.close();
        say("from 200 channels: %d", channel.messageCount(queue));
    }

    // --- errors ----------------------------------------------------------------------------------------------

    /** The broker's words, without names that it invented. */
    static String reason(Throwable error) {
        for (Throwable one = error; one != null; one = one.getCause())
            if (one instanceof ShutdownSignalException) error = one;
        if (!(error instanceof ShutdownSignalException)) return error.getClass().getSimpleName() + ": " + error.getMessage();
        Object method = ((ShutdownSignalException) error).getReason();
        return String.valueOf(method).replaceAll("amq\\.gen-[A-Za-z0-9_-]{22}", "amq.gen-…");
    }

    static void mistake(String what, Scene scene) throws Exception {
        BlockingQueue<ShutdownSignalException> ended = new LinkedBlockingQueue<>();
        channel.addShutdownListener(ended::add);
        try {
            scene.play();
        } catch (IOException | ShutdownSignalException error) {
            // told below, as the listener hears it
        }
        ShutdownSignalException why = await(ended);
        say("%s: %s%s", what, why.isHardError() ? "connection, " : "", reason(why));
        if (connection.isOpen()) channel = connection.createChannel();
    }

    static void channelErrors() throws Exception {
        String queue = channel.queueDeclare("java.asserted", false, false, true, null).getQueue();
        mistake("no such queue", () -> channel.queueDeclarePassive("java.nobody"));
        mistake("no such exchange", () -> channel.basicPublish("java.nothing", "", null, new byte[0]));
        mistake("durable now", () -> channel.queueDeclare(queue, true, false, true, null));
        mistake("other arguments", () -> channel.queueDeclare(queue, false, false, true, Collections.singletonMap("x-max-length", 5)));
        mistake("a wrong argument", () -> channel.queueDeclare("java.wrong", false, true, true, Collections.singletonMap("x-message-ttl", -1)));
        mistake("a reserved name", () -> channel.exchangeDeclare("amq.mine", "direct"));
        mistake("an unknown tag", () -> channel.basicAck(99, false));
        mistake("somebody else", () -> channel.basicPublish("", queue, new AMQP.BasicProperties.Builder().userId("other").build(), new byte[0]));
        mistake("in use", () -> {
            channel.basicConsume(queue, true, (consumer, one) -> { }, consumer -> { });
            channel.queueDelete(queue, true, false);
        });
        try (Connection other = factory().newConnection()) {
            Channel there = other.createChannel();
            String own = connection.createChannel().queueDeclare("java.own", false, true, true, null).getQueue();
            try {
                there.queueDeclarePassive(own);
            } catch (IOException locked) {
                say("another's queue: %s", reason(locked));
            }
        }
    }

    static void connectionErrors() throws Exception {
        Connection main = connection;
        for (String what : new String[] {"immediate", "an unknown type of exchange", "a consumer tag twice"}) {
            connection = factory().newConnection();
            channel = connection.createChannel();
            String queue = channel.queueDeclare().getQueue();
            mistake(what, () -> {
                if (what.equals("immediate")) channel.basicPublish("", queue, false, true, null, new byte[0]);
                else if (what.startsWith("an unknown")) channel.exchangeDeclare("java.strange", "nonsense");
                else for (int i = 0; i < 2; i++) channel.basicConsume(queue, true, "twice", (tag, one) -> { }, tag -> { });
            });
        }
        connection = main;
        channel = connection.createChannel();
    }

    static void doors() throws Exception {
        ConnectionFactory wrong = factory();
        wrong.setPassword("wrong");
        try {
            wrong.newConnection();
        } catch (AuthenticationFailureException refused) {
            say("a wrong password: %s", refused.getMessage());
        }
        ConnectionFactory nowhere = factory();
        nowhere.setVirtualHost("nowhere");
        try {
            nowhere.newConnection();
        } catch (IOException refused) {
            say("a virtual host that is not there: %s", reason(refused));
        }
    }

    // --- more than one message -------------------------------------------------------------------------------

    static void calls() throws Exception {
        String queue = channel.queueDeclare().getQueue();
        Channel there = connection.createChannel();
        RpcServer server = new StringRpcServer(there, queue) {
            public String handleStringCall(String request, AMQP.BasicProperties properties) {
                return request.toUpperCase();
            }
        };
        Thread serving = new Thread(() -> {
            try {
                server.mainloop();
            } catch (IOException | ShutdownSignalException ended) {
                // the channel is closed: so the server ends
            }
        });
        serving.start();
        RpcClient client = new RpcClient(channel, "", queue, PATIENCE_S * 1000);
        for (String word : new String[] {"one", "two"}) say("%s -> %s", word, client.stringCall(word));
        client.close();
        there.close();
        serving.join();
    }

    static void nonBlocking() throws Exception {
        ConnectionFactory factory = factory();
        factory.useNio();
        try (Connection other = factory.newConnection()) {
            Channel there = other.createChannel();
            String queue = there.queueDeclare().getQueue();
            BlockingQueue<Integer> sizes = new LinkedBlockingQueue<>();
            there.basicConsume(queue, true, (tag, one) -> sizes.add(one.getBody().length), tag -> { });
            for (int i = 0; i < 500; i++) there.basicPublish("", queue, null, new byte[i * 100]);
            int sum = 0;
            for (int i = 0; i < 500; i++) sum += await(sizes);
            say("octets through: %d", sum);
        }
    }

    static void heartbeats() throws Exception {
        ConnectionFactory factory = factory();
        factory.setRequestedHeartbeat(1);
        try (Connection other = factory.newConnection()) {
            say("agreed: %d s", other.getHeartbeat());
            Thread.sleep(3500);
            say("still open after three and a half: %b", other.isOpen());
        }
    }

    /** Through a way that can be cut, a connection that recovers: queue, binding and consumer come back. */
    static void recovery() throws Exception {
        try (Way way = new Way(new URI(uri).getPort())) {
            ConnectionFactory factory = factory();
            factory.setPort(way.port());
            factory.setAutomaticRecoveryEnabled(true);
            factory.setNetworkRecoveryInterval(100);
            Connection other = factory.newConnection();
            BlockingQueue<String> recovered = new LinkedBlockingQueue<>();
            ((Recoverable) other).addRecoveryListener(new RecoveryListener() {
                public void handleRecovery(Recoverable one) { recovered.add("recovered"); }
                public void handleRecoveryStarted(Recoverable one) { recovered.add("started"); }
            });
            Channel there = other.createChannel();
            there.exchangeDeclare("java.recovered", "fanout", false, true, null);
            String queue = there.queueDeclare().getQueue();
            there.queueBind(queue, "java.recovered", "");
            BlockingQueue<String> got = new LinkedBlockingQueue<>();
            there.basicConsume(queue, true, (tag, one) -> got.add(text(one.getBody())), tag -> { });
            there.basicPublish("java.recovered", "", null, "before".getBytes());
            say(await(got));
            way.cut();
            say("%s, %s", await(recovered), await(recovered));
            there.basicPublish("java.recovered", "", null, "after".getBytes());
            say(await(got));
            other.close();
        }
    }

    /** Hands octets on between clients and a port, until it is cut; new connections pass again. */
    static class Way implements Closeable {
        private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        private final List<Socket> ends = Collections.synchronizedList(new ArrayList<>());

        Way(int target) throws IOException {
            new Thread(() -> {
                try {
                    while (true) {
                        Socket here = listener.accept(), there = new Socket(InetAddress.getLoopbackAddress(), target);
                        ends.addAll(Arrays.asList(here, there));
                        pump(here, there);
                        pump(there, here);
                    }
                } catch (IOException closed) {
                    // nobody listens any more
                }
            }).start();
        }

        int port() {
            return listener.getLocalPort();
        }

        void cut() throws IOException {
            for (Socket end : new ArrayList<>(ends)) end.close();
            ends.clear();
        }

        public void close() throws IOException {
            listener.close();
            cut();
        }

        private static void pump(Socket from, Socket to) {
            new Thread(() -> {
                byte[] octets = new byte[65536];
                try {
                    for (int n; (n = from.getInputStream().read(octets)) >= 0; ) to.getOutputStream().write(octets, 0, n);
                    to.close();
                } catch (IOException cut) {
                    // both ends are closed by who cut
                }
            }).start();
        }
    }
}
