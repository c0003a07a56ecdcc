"""What users and scripts see, recorded: a change of the code that means to change none of it is held
against these texts."""
