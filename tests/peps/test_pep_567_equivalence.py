"""PEP 567: random programs on the real context variables, under a loop, do what the model of the PEP's text does."""

import collections
import contextvars

from helpers.traces import on_one_loop
from hypothesis import given
from hypothesis import strategies as st

NAMES = ("plain", "defaulted")
DEFAULTED = ("defaulted",)
MISSING = "missing"


# --- the model: sections "Implementation" and "asyncio" ---------------------------------------------


class Model:
    """Contexts as plain dictionaries, one of them current; variables are names."""

    def __init__(self):
        self.current = ModelContext()

    def context(self):
        return ModelContext()

    def copy_context(self):
        return self.current.copy()

    def get(self, name, *default):
        if name in self.current.values:
            return self.current.values[name]
        if default:
            return default[0]
        if name in DEFAULTED:
            return "default"
        raise LookupError

    def set(self, name, value):
        token = ModelToken(self.current, name, self.current.values.get(name, MISSING))
        self.current.values = {**self.current.values, name: value}
        return token

    def reset(self, name, token):
        if token.used:
            raise RuntimeError
        if token.name != name or token.context is not self.current:
            raise ValueError
        token.used = True
        self.current.values = {key: value for key, value in self.current.values.items() if key != name}
        if token.old_value is not MISSING:
            self.current.values[name] = token.old_value

    def old_value(self, token):
        return token.old_value

    def run(self, context, function, *args):
        if context.entered:
            raise RuntimeError
        outer, self.current, context.entered = self.current, context, True
        try:
            return function(*args)
        finally:
            self.current, context.entered = outer, False

    def items(self, context):
        return dict(context.values)


class ModelContext:
    def __init__(self, values=()):
        self.values = dict(values)
        self.entered = False

    def copy(self):
        return ModelContext(self.values)


class ModelToken:
    def __init__(self, context, name, old_value):
        self.context, self.name, self.old_value, self.used = context, name, old_value, False


class Real:
    """The same operations by the module contextvars."""

    def __init__(self):
        self.variables = {
            name: contextvars.ContextVar(name, **({"default": "default"} if name in DEFAULTED else {}))
            for name in NAMES
        }
        self.context = contextvars.Context
        self.copy_context = contextvars.copy_context

    def get(self, name, *default):
        return self.variables[name].get(*default)

    def set(self, name, value):
        return self.variables[name].set(value)

    def reset(self, name, token):
        self.variables[name].reset(token)

    def old_value(self, token):
        return MISSING if token.old_value is contextvars.Token.MISSING else token.old_value

    def run(self, context, function, *args):
        return context.run(function, *args)

    def items(self, context):
        names = {variable: name for name, variable in self.variables.items()}
        return {names[variable]: value for variable, value in context.items() if variable in names}


class ModelLoop:
    """The order of callbacks and tasks, and their contexts, as PEP 567's section "asyncio" has them."""

    def __init__(self, model):
        self.model = model
        self.ready = collections.deque()

    def call_soon(self, callback, *args, context=None):
        self.ready.append((self.model.copy_context() if context is None else context, callback, args))

    def create_task(self, coroutine, context=None):
        context = self.model.copy_context() if context is None else context

        def step():
            try:
                coroutine.send(None)
            except StopIteration:
                return
            self.call_soon(step, context=context)

        self.call_soon(step, context=context)

    def run(self):
        while self.ready:
            context, callback, args = self.ready.popleft()
            try:
                self.model.run(context, callback, *args)
            except RuntimeError:
                raise AssertionError("no context is entered when the loop calls") from None


# --- programs --------------------------------------------------------------------------------------

names = st.sampled_from(NAMES)
numbers = st.integers(0, 5)
simple = st.one_of(
    st.tuples(st.just("set"), names, numbers),
    st.tuples(st.just("get"), names),
    st.tuples(st.just("get or"), names, numbers),
    st.tuples(st.just("reset"), st.none() | names, numbers),
    st.tuples(st.just("look"), numbers),
    st.tuples(st.just("new context"), st.none()),
    st.tuples(st.just("copy current"), st.none()),
    st.tuples(st.just("copy"), numbers),
    st.tuples(st.just("raise"), st.none()),
)


def nested(programs):
    return st.one_of(
        st.tuples(st.just("run"), numbers, st.lists(programs, max_size=5)),
        st.tuples(st.just("callback"), st.none() | numbers, st.lists(programs, max_size=5)),
        st.tuples(st.just("task"), st.none() | numbers, st.lists(st.just(("pause", None)) | programs, max_size=10)),
    )


programs = st.lists(st.just(("pause", None)) | st.recursive(simple, nested, max_leaves=20), max_size=12)


class Interpreter:
    """Runs programs on one of the two worlds; `seen` is what they saw, in order."""

    def __init__(self, world, loop, pause):
        self.world, self.loop, self.pause = world, loop, pause
        self.seen, self.tokens, self.contexts, self.tasks = [], [], [], []

    async def task(self, number, program):
        for step in program:
            if step[0] == "pause":
                self.seen.append((number, "pause"))
                await self.pause()
            else:
                self.step(number, step)
        self.seen.append((number, "end", self.world.items(self.world.copy_context())))

    def steps(self, number, program):
        for step in program:
            if step[0] == "raise":
                raise KeyError(number)
            self.step(number, step)
        return number

    def step(self, number, step):
        """One step; what it gives or raises is seen."""
        try:
            self.seen.append((number, step[0], getattr(self, "do_" + step[0].replace(" ", "_"))(number, *step[1:])))
        except Exception as error:
            self.seen.append((number, step[0], type(error)))

    def do_set(self, number, name, value):
        token = self.world.set(name, value)
        self.tokens.append((name, token))
        return self.world.old_value(token)

    def do_get(self, number, name):
        return self.world.get(name)

    def do_get_or(self, number, name, default):
        return self.world.get(name, default)

    def do_reset(self, number, name, index):
        if self.tokens:
            own_name, token = self.tokens[-1 - index % len(self.tokens)]
            self.world.reset(name or own_name, token)

    def do_look(self, number, index):
        return self.world.items(self.picked(index)) if self.contexts else None

    def do_new_context(self, number, _):
        self.contexts.append(self.world.context())

    def do_copy_current(self, number, _):
        self.contexts.append(self.world.copy_context())

    def do_copy(self, number, index):
        if self.contexts:
            self.contexts.append(self.picked(index).copy())

    def do_raise(self, number, _):
        raise KeyError(number)

    def do_pause(self, number, _):
        pass  # only tasks can

    def do_run(self, number, index, program):
        if self.contexts:
            return self.world.run(self.picked(index), self.steps, f"{number}, run", program)

    def do_callback(self, number, index, program):
        context = None if index is None or not self.contexts else self.picked(index)
        self.loop.call_soon(self.callback, f"{number}, callback", program, context=context)

    def do_task(self, number, index, program):
        context = None if index is None or not self.contexts else self.picked(index)
        task = self.loop.create_task(self.task(f"{number}, task", program), context=context)
        self.tasks.append(task)  # lest it be collected

    def callback(self, number, program):
        for step in program:
            self.step(number, step)

    def picked(self, index):
        return self.contexts[-1 - index % len(self.contexts)]


def seen_on_the_model(program):
    class Pause:
        def __await__(self):
            yield

    async def pause():
        await Pause()

    model = Model()
    loop = ModelLoop(model)
    interpreter = Interpreter(model, loop, pause)
    loop.create_task(interpreter.task("main", program))
    loop.run()
    return interpreter.seen


def seen_on_the_loop(loop, sleep, program):
    interpreter = Interpreter(Real(), loop, lambda: sleep(0))

    async def quiet():
        """Until nothing happens any more: whatever runs is seen."""
        before = -1
        while before != len(interpreter.seen):
            before = len(interpreter.seen)
            await sleep(0)
            await sleep(0)

    loop.run_until_complete(contextvars.Context().run(loop.create_task, interpreter.task("main", program)))
    loop.run_until_complete(quiet())
    return interpreter.seen


@on_one_loop
@given(programs)
def test_contexts_variables_tokens_callbacks_and_tasks_do_what_the_pseudo_code_does(loop, loop_factory, program):
    assert seen_on_the_loop(loop, loop_factory.api.sleep, program) == seen_on_the_model(program)
