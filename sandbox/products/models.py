"""Goods as ProductService keeps them: integer primary key, UUID beside it, stock as a plain number."""

import uuid

from django.db import models


class Product(models.Model):
    class Status(models.IntegerChoices):
        ON_SALE = 0
        BLOCKED = 1
        SOLD = 2
        UNCHECKED = 3

    product_id = models.AutoField(primary_key=True)
    product_uuid = models.UUIDField(unique=True, default=uuid.uuid4)
    title = models.CharField(max_length=128)
    title_en = models.CharField(max_length=128, blank=True)
    description = models.TextField(blank=True)
    description_en = models.TextField(blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    stock = models.IntegerField(default=0)
    status = models.IntegerField(choices=Status.choices, default=Status.ON_SALE)
    drawing = models.CharField(max_length=64, blank=True)
    seller_uuid = models.UUIDField()
    seller_name = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "product"
