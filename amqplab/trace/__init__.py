"""What happened: typed events, the recorder, and pure readers of the record.

Reading order: ``events`` (the vocabulary), ``recorder`` (the stream and its causes), ``tap`` (how octets
become records). Then the readers, each a function of the stream: ``fold`` (the state at any moment; with
``draft``, ``entities``, ``lines`` and ``state_*``), ``why`` (causes, effects, the life of a message),
``narrate`` (a sentence for each record), ``zoom`` (which records are steps), ``query`` (find, list, filter),
``ladder`` (a text diagram), ``digest`` and ``diff`` (are two runs the same, and where do they part), ``pcap``
(for Wireshark).
"""
