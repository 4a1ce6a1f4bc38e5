"""How the seeded passwords are hashed: quickly, because the password is printed in the README anyway."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class PublishedPasswordHasher(PBKDF2PasswordHasher):
    iterations = 1000
