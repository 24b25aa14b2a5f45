"""What the demo database has in it."""

from typing import NamedTuple

from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP

STUDENTS = "Students"


class DemoUser(NamedTuple):
    """An account; its password is made up anew for every database."""

    name: str
    real_name: str
    group: str


class DemoDocument(NamedTuple):
    """A document that the students and the supervisors may view."""

    path: str
    source: str


USERS = (
    DemoUser("admin", "Ada Admin", ADMIN_GROUP),
    DemoUser("supervisor", "Sam Supervisor", SUPERVISOR_GROUP),
    DemoUser("student1", "Siiri Student", STUDENTS),
    DemoUser("student2", "Sven Student", STUDENTS),
    DemoUser("student3", "Sofia Student", STUDENTS),
)

READERS = (STUDENTS, SUPERVISOR_GROUP)

DOCUMENTS = (
    DemoDocument(
        "exam/instructions",
        """\
# Before the exam begins

1. Log in with the account on your slip of paper, on **one** computer.
2. If a page says that your session has expired, raise your hand. A supervisor points a phone at
   the code on the page, and it opens again by itself.
3. Log out when you have finished.

You may use a pocket calculator and your own notes. Phones stay in your bag.
""",
    ),
    DemoDocument(
        "exam/part1",
        """\
# Exam, part 1

You have **60 minutes**. Each answer is worth 6 points.

## 1. Sets

One set has 5 elements, another has 3. How many elements can their union have at least, and at most?

## 2. A loop

What does this program print?

```python
total = 0
for n in range(1, 5):
    total += n * n
print(total)
```

## 3. Doubling

| Day     | 0  | 1  | 2  | 3   |
|---------|----|----|----|-----|
| Seaweed | 16 | 32 | 64 | 128 |

The seaweed covers 128 m² on day 3. On which day does it cover more than 2000 m²?
""",
    ),
    DemoDocument(
        "notes/welcome",
        """\
# Welcome

Log in as `student1` in one browser, and once more in another: the second session opens no
document. A supervisor verifies it, and the first one expires.

- The exam is at [exam/part1](/view/exam/part1).
- Its [instructions](/view/exam/instructions) can be kept open to everybody, with the option
  `SESSION_BLOCK_IGNORE_DOCUMENTS`.
""",
    ),
)
