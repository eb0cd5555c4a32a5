"""The demo: one unmodified application, served by the standard loop and by tulipa, under the same load.

Run it from the project's root with ``python -m demo``; ``make demo`` prepares the environment first. It isn't
part of the installed package.

``server``     starts and stops the application
``shop``       what the application must answer, worked out without it
``exchange``   a request with the reply that must come, compared byte for byte
``websocket``  frames and the opening handshake
``client``     groups of keep-alive connections: for small replies, for streamed bodies
``workloads``  which requests are measured, and over how many connections
``checks``     each route once, errors and odd sizes included
``load``       the process that runs checks and rounds
``report``     progress and table
"""
