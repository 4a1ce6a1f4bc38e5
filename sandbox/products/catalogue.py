"""The twelve goods on Bob's shelf."""

from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

BOB = (UUID("01900000-0000-7000-8000-000000000b0b"), "Bob")


class Good(NamedTuple):
    drawing: str
    title: str
    title_en: str
    price: Decimal
    stock: int
    description: str
    description_en: str


GOODS = (
    Good("tea-set", "青瓷茶具套装", "Celadon tea set", Decimal("299.00"), 500,
         "一壶两杯，龙泉青釉，手工拉坯。", "One pot, two cups, Longquan glaze, thrown by hand."),
    Good("bookmark", "黄铜书签", "Brass bookmark", Decimal("9.90"), 5000,
         "薄如一页，刻着一枝银杏。", "As thin as a page, engraved with a ginkgo twig."),
    Good("backpack", "帆布双肩包", "Canvas backpack", Decimal("189.00"), 300,
         "蜡染帆布，装得下一个周末。", "Waxed canvas that holds a weekend."),
    Good("keyboard", "静音机械键盘", "Quiet mechanical keyboard", Decimal("459.00"), 200,
         "八十七键，敲起来像下小雨。", "Eighty-seven keys that sound like light rain."),
    Good("lamp", "护眼台灯", "Reading lamp", Decimal("239.00"), 260,
         "无频闪暖光，灯臂停在哪里就是哪里。", "Warm light without flicker; the arm stays where you put it."),
    Good("headphones", "头戴式耳机", "Headphones", Decimal("899.00"), 120,
         "四十小时续航，关掉世界的声音。", "Forty hours, and the world turned down."),
    Good("vase", "陶瓷花瓶", "Ceramic vase", Decimal("128.00"), 10,
         "柴窑只出了十只，卖完不再烧。", "A wood kiln gave only ten of them; there will be no more."),
    Good("coffee", "手冲咖啡壶", "Pour-over coffee set", Decimal("168.50"), 320,
         "细口壶与滤杯，早晨从容一点。", "A thin spout and a filter cone for a calmer morning."),
    Good("camera", "胶片相机", "Film camera", Decimal("2680.00"), 24,
         "三十六张，按下之前先想一想。", "Thirty-six frames: think before you press."),
    Good("bicycle", "城市自行车", "City bicycle", Decimal("3299.00"), 40,
         "皮带传动，不沾油，也不掉链子。", "Belt drive: no grease, no dropped chain."),
    Good("scarf", "羊毛围巾", "Wool scarf", Decimal("359.00"), 180,
         "内蒙古羊绒，轻得像一阵暖风。", "Mongolian cashmere, light as a warm breeze."),
    Good("armchair", "黄花梨圈椅", "Rosewood armchair", Decimal("52000.00"), 300,
         "明式榫卯，一把可以传家的椅子。", "Ming joinery, a chair to leave to your children."),
)  # fmt: skip


def product_uuid(number: int) -> UUID:
    return UUID(f"01900000-0000-7000-9000-{number:012x}")


def seed_goods(product_model: Any, *, reset: bool = False) -> int:
    """Adds what is missing; `reset` also puts prices, stock and status back. Returns the rows written."""
    write = product_model.objects.update_or_create if reset else product_model.objects.get_or_create
    written = 0
    for number, good in enumerate(GOODS, start=1):
        values = good._asdict() | {"status": 0, "seller_uuid": BOB[0], "seller_name": BOB[1]}
        _, created = write(product_id=number, product_uuid=product_uuid(number), defaults=values)
        written += created or reset
    return written
