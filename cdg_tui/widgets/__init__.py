"""The pieces the screens are put together from. They show what they are given and know no core."""
