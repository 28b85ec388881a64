from django import template

from workorders.pinyin import spelled

register = template.Library()
register.filter("spelled", spelled)
