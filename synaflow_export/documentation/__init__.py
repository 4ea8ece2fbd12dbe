"""What generated files say to people: the header, the table of steps, what each task does.

The same words on every target, so that somebody who reads one generated file can read them all.
"""
