"""Where a task is: the frames of its coroutine, or of the exception that ended it."""

import linecache
import traceback


def task_frames(task, limit):
    """Frames, oldest first: of the suspended coroutine chain's outermost, else of the task's exception."""
    coro = task.get_coro()
    frame = next((found for name in ("cr_frame", "gi_frame", "ag_frame") if (found := getattr(coro, name, None))), None)
    if frame is not None:
        frames = []
        while frame is not None and (limit is None or len(frames) < limit):
            frames.append(frame)
            frame = frame.f_back
        frames.reverse()
        return frames
    frames = []
    step = task._exception.__traceback__ if task._exception is not None else None
    while step is not None and (limit is None or len(frames) < limit):
        frames.append(step.tb_frame)
        step = step.tb_next
    return frames


def print_task_stack(task, limit, file):
    """Print what `task_frames` gives, in the form of the traceback module."""
    frames = task_frames(task, limit)
    error = task._exception
    if not frames:
        print(f"No stack for {task!r}", file=file)
    elif error is not None:
        print(f"Traceback for {task!r} (most recent call last):", file=file)
    else:
        print(f"Stack for {task!r} (most recent call last):", file=file)
    lines = []
    for frame in frames:
        code = frame.f_code
        linecache.checkcache(code.co_filename)
        line = linecache.getline(code.co_filename, frame.f_lineno, frame.f_globals)
        lines.append((code.co_filename, frame.f_lineno, code.co_name, line))
    traceback.print_list(lines, file=file)
    if error is not None:
        for line in traceback.format_exception_only(type(error), error):
            print(line, file=file, end="")
