"""The loop's services, in plain Python: one module a service, its functions take the loop as first parameter.

`tulipa.loop.EventLoop` says which function is which method.
"""
