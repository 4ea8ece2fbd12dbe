"""What can be chosen when a pipeline is exported, besides how it is planned.

:mod:`.model` is what a target's options are made of, :mod:`.common` what orchestrators share,
:mod:`.checks`, :mod:`.duration` and :mod:`.schedule` say which values make sense.
"""
