"""The async face against each broker: what a program sees is the same everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from client_worlds import Connect, World

from amqplab.client import BasicProperties, Message, NackError, UnroutableError
from amqplab.errors import AccessRefused, NotAllowed, NotFound, PreconditionFailed, UsageError

Fresh = Callable[[str], str]


def test_a_message_goes_round(world: World, fresh: Fresh) -> None:
    exchange, queue = fresh("logs"), fresh("app")

    async def program(connect: Connect) -> Any:
        connection = await connect()
        channel = await connection.channel()
        await channel.exchange_declare(exchange, exchange_type="direct")
        declared = await channel.queue_declare(queue, exclusive=True)
        await channel.queue_bind(queue, exchange, routing_key="info")
        await channel.basic_publish(
            exchange=exchange,
            routing_key="info",
            body="Hello, Rabbit!",
            properties=BasicProperties(content_type="text/plain", headers={"a": 1}),
        )
        method, properties, body = await channel.basic_get(queue)
        await channel.basic_ack(method.delivery_tag)
        await channel.exchange_delete(exchange)
        return declared, method, properties, body

    declared, method, properties, body = world.run(program)
    assert (declared.queue, declared.message_count, declared.consumer_count) == (queue, 0, 0)
    assert (method.delivery_tag, method.exchange, method.routing_key) == (1, exchange, "info")
    assert properties == BasicProperties(content_type="text/plain", headers={"a": 1})
    assert body == b"Hello, Rabbit!"


def test_get_on_an_empty_queue_gives_three_nones_or_none(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        ok = await channel.queue_declare(fresh("q"), exclusive=True)
        return await channel.basic_get(ok.queue), await channel.get(ok.queue)

    assert world.run(program) == ((None, None, None), None)


def test_the_broker_names_a_queue_that_has_no_name(world: World) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        return (await channel.queue_declare("", exclusive=True)).queue

    assert world.run(program).startswith("amq.gen-")


def test_an_async_for_loop_consumes_and_cancels_when_left(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        queue = (await channel.queue_declare(fresh("q"), exclusive=True)).queue
        for number in range(5):
            await channel.basic_publish("", queue, b"%d" % number)
        seen = []
        async for message in channel.consume(queue):
            seen.append(message.body)
            await message.ack()
            if len(seen) == 3:
                break
        while channel.consumer_tags:
            await asyncio.sleep(0.01)
        ok = await channel.queue_declare(queue, passive=True)
        return seen, ok.message_count, ok.consumer_count

    assert world.run(program) == ([b"0", b"1", b"2"], 2, 0)


def test_leaving_async_with_cancels_and_requeues_what_was_not_looked_at(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        queue = (await channel.queue_declare(fresh("q"), exclusive=True)).queue
        for number in range(4):
            await channel.basic_publish("", queue, b"%d" % number)
        async with channel.consume(queue) as messages:
            first = await messages.next()
            await asyncio.sleep(0.05)  # let the others arrive
        for _ in range(100):  # RabbitMQ's queue takes them back in its own time
            if (ok := await channel.queue_declare(queue, passive=True)).message_count == 3:
                break
            await asyncio.sleep(0.02)
        await first.ack()
        left = []
        while (message := await channel.get(queue, auto_ack=True)) is not None:
            left.append((message.body, message.redelivered))
        return ok.message_count, left

    assert world.run(program) == (3, [(b"1", True), (b"2", True), (b"3", True)])


def test_a_callback_is_called_for_each_message_sync_or_async(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        first = (await channel.queue_declare(fresh("q"), exclusive=True)).queue
        second = (await channel.queue_declare(fresh("q"), exclusive=True)).queue
        seen: list[Any] = []
        enough = asyncio.get_running_loop().create_future()

        def note(kind: str, body: bytes) -> None:
            seen.append((kind, body))
            if len(seen) == 4:
                enough.set_result(None)

        def plain(ch: Any, method: Any, properties: Any, body: bytes) -> None:
            ch.basic_ack(method.delivery_tag)
            note("sync", body)

        async def awaiting(ch: Any, method: Any, properties: Any, body: bytes) -> None:
            await asyncio.sleep(0.01)
            await ch.basic_ack(method.delivery_tag)
            note("async", body)

        await channel.basic_consume(first, plain)
        await channel.basic_consume(second, awaiting)
        for queue in (first, second):
            for number in range(2):
                await channel.basic_publish("", queue, b"%d" % number)
        await enough
        return sorted(seen)

    assert world.run(program) == [("async", b"0"), ("async", b"1"), ("sync", b"0"), ("sync", b"1")]


def test_a_failing_callback_is_complained_about_and_the_next_message_still_comes(
    world: World, fresh: Fresh
) -> None:
    async def program(connect: Connect) -> Any:
        loop = asyncio.get_running_loop()
        complaints: list[str] = []
        loop.set_exception_handler(lambda _, context: complaints.append(str(context["exception"])))
        channel = await (await connect()).channel()
        queue = (await channel.queue_declare(fresh("q"), exclusive=True)).queue
        done = loop.create_future()

        def callback(ch: Any, method: Any, properties: Any, body: bytes) -> None:
            if body == b"bad":
                raise ValueError("cannot handle this")
            done.set_result(body)

        await channel.basic_consume(queue, callback, auto_ack=True)
        await channel.basic_publish("", queue, "bad")
        await channel.basic_publish("", queue, "good")
        return await done, complaints

    assert world.run(program) == (b"good", ["cannot handle this"])


def test_confirms_resolve_pipelined_publishes(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        await channel.confirm_delivery()
        queue = (await channel.queue_declare(fresh("q"), exclusive=True)).queue
        confirms = [channel.basic_publish("", queue, b"%d" % number) for number in range(50)]
        await asyncio.gather(*confirms)
        return (await channel.queue_declare(queue, passive=True)).message_count

    assert world.run(program) == 50


def test_in_confirm_mode_an_unroutable_mandatory_message_raises(world: World) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        await channel.confirm_delivery()
        returns: list[Any] = []
        channel.add_on_return_callback(lambda ch, method, properties, body: returns.append(body))
        with pytest.raises(UnroutableError) as caught:
            await channel.basic_publish("", "client-nowhere", "lost", mandatory=True)
        await channel.basic_publish("", "client-nowhere", "dropped")
        returned = caught.value.messages[0]
        return (
            returned.method.reply_code,
            returned.method.reply_text,
            returned.body,
            returns,
            str(caught.value),
        )

    code, text, body, returns, sentence = world.run(program)
    assert (code, text, body, returns) == (312, "NO_ROUTE", b"lost", [b"lost"])
    assert "(312) NO_ROUTE" in sentence and "client-nowhere" in sentence


def test_each_return_finds_its_own_publish(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        await channel.confirm_delivery()
        queue = (await channel.queue_declare(fresh("q"), exclusive=True)).queue
        keys = [queue, "client-nowhere", queue, "client-nowhere", "client-nowhere"]
        confirms = [channel.basic_publish("", key, b"same", mandatory=True) for key in keys]
        outcomes = await asyncio.gather(*confirms, return_exceptions=True)
        return [type(outcome) for outcome in outcomes]

    none = type(None)
    assert world.run(program) == [none, UnroutableError, none, UnroutableError, UnroutableError]


def test_without_confirms_a_mandatory_message_comes_back_to_the_callback(world: World) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        came = asyncio.get_running_loop().create_future()
        channel.add_on_return_callback(lambda *returned: came.set_result(returned))
        await channel.basic_publish("", "client-nowhere", "back", mandatory=True)
        _, method, _, body = await came
        return method.reply_code, method.routing_key, body

    assert world.run(program) == (312, "client-nowhere", b"back")


def test_a_soft_error_closes_the_channel_and_not_the_connection(world: World) -> None:
    async def program(connect: Connect) -> Any:
        connection = await connect()
        channel = await connection.channel()
        with pytest.raises(NotFound) as caught:
            await channel.queue_declare("client-no-such", passive=True)
        with pytest.raises(UsageError) as misuse:
            channel.basic_publish("", "q", "x")
        again = await connection.channel()
        with pytest.raises(UsageError):
            channel.queue_declare("q")  # not by way of the new channel, which has the old one's number
        await again.basic_qos(prefetch_count=1)
        return caught.value, str(misuse.value), channel.is_open, again.channel_number

    error, sentence, still_open, number = world.run(program)
    assert error.reply_text == "NOT_FOUND - no queue 'client-no-such' in vhost '/'"
    assert (error.class_id, error.method_id) == (50, 10)
    assert "no queue 'client-no-such'" in sentence and "connection.channel()" in sentence
    assert (still_open, number) == (False, 1)


def test_a_hard_error_ends_the_connection_and_fails_all_who_wait(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        connection = await connect()
        one, other = await connection.channel(), await connection.channel()
        queue = (await other.queue_declare(fresh("q"), exclusive=True)).queue

        async def wait_for_ever() -> None:
            async for _ in other.consume(queue):
                pass

        waiting = asyncio.ensure_future(wait_for_ever())
        await asyncio.sleep(0.05)
        with pytest.raises(NotAllowed) as caught:
            await one.basic_consume(queue, print, consumer_tag="twice")
            await one.basic_consume(queue, print, consumer_tag="twice")
        with pytest.raises(NotAllowed):
            await waiting
        with pytest.raises(NotAllowed):
            await connection.wait_closed()
        return caught.value.reply_text, connection.is_closed

    assert world.run(program) == ("NOT_ALLOWED - attempt to reuse consumer tag 'twice'", True)


def test_an_error_that_nobody_awaits_reaches_the_confirms(world: World) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        await channel.confirm_delivery()
        with pytest.raises(NotFound) as caught:
            await channel.basic_publish("client-no-exchange", "k", "x")
        return caught.value.reply_text, channel.is_open

    assert world.run(program) == ("NOT_FOUND - no exchange 'client-no-exchange' in vhost '/'", False)


def test_a_wrong_password_is_refused_with_the_broker_s_words(world: World) -> None:
    async def program(connect: Connect) -> Any:
        from amqplab.client import AMQPlainCredentials, PlainCredentials

        texts = []
        for kind in (PlainCredentials, AMQPlainCredentials):
            with pytest.raises(AccessRefused) as caught:
                await connect(credentials=kind("guest", "wrong"))
            texts.append(caught.value.detail)
        return texts

    refusal = "Login was refused using authentication mechanism {}. For details see the broker logfile."
    assert world.run(program) == [refusal.format("PLAIN"), refusal.format("AMQPLAIN")]


def test_amqplain_logs_in(world: World) -> None:
    async def program(connect: Connect) -> Any:
        from amqplab.client import AMQPlainCredentials

        return (await connect(credentials=AMQPlainCredentials("guest", "guest"))).is_open

    assert world.run(program) is True


def test_a_missing_virtual_host_is_refused(world: World) -> None:
    async def program(connect: Connect) -> Any:
        with pytest.raises(NotAllowed) as caught:
            await connect(virtual_host="client-none")
        return caught.value.reply_text

    assert world.run(program) == "NOT_ALLOWED - vhost client-none not found"


def test_limits_are_negotiated_and_bodies_are_split(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        connection = await connect(frame_max=4096, heartbeat=7, channel_max=9)
        machine = connection.machine
        channel = await connection.channel()
        queue = (await channel.queue_declare(fresh("q"), exclusive=True)).queue
        body = bytes(range(256)) * 40
        await channel.basic_publish("", queue, body)
        got = await channel.get(queue)
        return machine.frame_max, machine.heartbeat_s, machine.channel_max, got.body == body

    assert world.run(program) == (4096, 7, 9, True)


def test_a_queue_deleted_under_a_consumer_ends_its_loop(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        connection = await connect()
        channel, other = await connection.channel(), await connection.channel()
        queue = (await channel.queue_declare(fresh("q"), exclusive=True)).queue
        cancelled: list[str] = []
        channel.add_on_cancel_callback(cancelled.append)

        async def consume() -> list[Message]:
            return [message async for message in channel.consume(queue, consumer_tag="me")]

        consuming = asyncio.ensure_future(consume())
        await asyncio.sleep(0.05)
        await other.queue_delete(queue)
        return await consuming, cancelled, channel.is_open

    assert world.run(program) == ([], ["me"], True)


def test_transactions_commit_and_roll_back(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        queue = (await channel.queue_declare(fresh("q"), exclusive=True)).queue
        await channel.tx_select()
        await channel.basic_publish("", queue, "dropped")
        await channel.tx_rollback()
        await channel.basic_publish("", queue, "kept")
        await channel.tx_commit()
        got = await channel.get(queue)
        return got.body, (await channel.queue_declare(queue, passive=True)).message_count

    assert world.run(program) == (b"kept", 0)


def test_nothing_may_follow_a_commit_before_its_answer(world: World) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        await channel.tx_select()
        committing = channel.tx_commit()
        with pytest.raises(UsageError) as caught:
            channel.basic_publish("", "q", "x")
        await committing
        await channel.basic_publish("", "q", "x")
        return str(caught.value)

    assert "TX-10" in world.run(program)


def test_requests_can_be_pipelined(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        names = [fresh("q") for _ in range(10)]
        replies = [channel.queue_declare(name, exclusive=True) for name in names]
        return [ok.queue for ok in await asyncio.gather(*replies)] == names

    assert world.run(program) is True


def test_acknowledging_an_unknown_tag_closes_the_channel(world: World) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        await channel.basic_ack(77)
        with pytest.raises(PreconditionFailed) as caught:
            await channel.basic_qos(prefetch_count=1)
        return caught.value.reply_text

    assert world.run(program) == "PRECONDITION_FAILED - unknown delivery tag 77"


def test_channels_close_and_their_numbers_are_used_again(world: World) -> None:
    async def program(connect: Connect) -> Any:
        connection = await connect()
        numbers = []
        for _ in range(3):
            async with await connection.channel() as channel:
                numbers.append(channel.channel_number)
        far = await connection.channel(2000)
        return numbers, far.channel_number, channel.is_closed

    assert world.run(program) == ([1, 1, 1], 2000, True)


def test_the_rest_of_the_methods_answer(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        source, target, queue = fresh("x"), fresh("x"), fresh("q")
        await channel.exchange_declare(source, "fanout", auto_delete=True)
        await channel.exchange_declare(target, "topic", auto_delete=True)
        await channel.queue_declare(queue, exclusive=True)
        await channel.exchange_bind(target, source, "a.b")
        await channel.queue_bind(queue, target, "a.*")
        await channel.basic_publish(source, "a.b", "x")
        await channel.basic_publish(source, "a.b", "y")
        first = await channel.get(queue)
        await first.reject(requeue=True)
        await channel.basic_recover(requeue=True)
        purged = await channel.queue_purge(queue)
        await channel.queue_unbind(queue, target, "a.*")
        await channel.exchange_unbind(target, source, "a.b")
        flow = await channel.flow(True)
        deleted = await channel.queue_delete(queue)
        return purged.message_count, flow, deleted.message_count

    assert world.run(program) == (2, True, 0)


def test_a_secret_can_be_updated(world: World) -> None:
    async def program(connect: Connect) -> Any:
        return type(await (await connect()).update_secret("guest", "renewed")).__name__

    assert world.run(program) == "UpdateSecretOk"


def test_what_cannot_be_sent_is_refused_before_a_byte_is(world: World, fresh: Fresh) -> None:
    async def program(connect: Connect) -> Any:
        channel = await (await connect()).channel()
        wrong: list[Callable[[], Any]] = [
            lambda: channel.basic_publish("x", "k", {"a": 1}),
            lambda: channel.basic_publish("x", 5, "b"),
            lambda: channel.basic_publish("x" * 300, "k", "b"),
            lambda: channel.basic_publish("x", "k", "b", properties="text"),
            lambda: channel.basic_publish("", "q", "b", properties=BasicProperties(delivery_mode="2")),
            lambda: channel.basic_publish("", "q", "b", properties=BasicProperties(message_id="x" * 256)),
            lambda: channel.queue_declare("q", arguments=["x-max-length"]),
            lambda: channel.queue_declare("q", arguments={"x": {1}}),
            lambda: channel.basic_qos(prefetch_count=-1),
            lambda: channel.basic_qos(prefetch_count=70000),
            lambda: channel.basic_ack("1"),
            lambda: channel.basic_consume("q"),
            lambda: channel.basic_consume("q", "not a function"),
            lambda: channel.queue_declare("q", durable="yes"),
        ]
        sentences = []
        for call in wrong:
            with pytest.raises(UsageError) as caught:
                call()
            sentences.append(str(caught.value))
        await channel.queue_declare(fresh("q"), exclusive=True)  # nothing of it did any harm
        return sentences

    sentences = world.run(program)
    assert all(sentence and "0x" not in sentence for sentence in sentences), sentences
    assert "json.dumps" in sentences[0] and "255 octets" in sentences[2]


def test_nack_errors_say_what_happened() -> None:
    assert "basic.nack" in str(NackError([]))


def test_an_error_behind_a_publish_is_raised_by_the_next_call_whenever_it_came(world: World) -> None:
    async def program(connect: Connect) -> Any:
        connection = await connect()
        texts = []
        for pause in (0.0, 0.05):
            channel = await connection.channel()
            await channel.basic_publish("client-no-exchange", "k", "x")
            await asyncio.sleep(pause)
            with pytest.raises(NotFound) as caught:
                await channel.basic_qos(prefetch_count=1)
            texts.append(caught.value.reply_text)
            with pytest.raises(UsageError):
                channel.basic_qos(prefetch_count=1)
        return texts

    assert world.run(program) == ["NOT_FOUND - no exchange 'client-no-exchange' in vhost '/'"] * 2
