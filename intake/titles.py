"""A title for an order that nobody wrote one for: place and matter, in the caller's words. Pure.

Lists, callback scripts and letters show it, so it holds no greeting, no name and no number of a person.
"""

import re

from workorders.folding import without_invisible

LONGEST = 30
LEAST_OF_MATTER = 14  # characters that the place leaves to the matter
SHORTEST = 8  # a shorter piece takes its neighbour in
LONGEST_PLACE = 14
EARLY, LATENESS = 8, 0.6  # pieces that are looked at, and what each step back costs one
NOTHING_SAID = "诉求内容待核实"

SENTENCES = re.compile(r"[。！？!?；;…\n\r~～]+|\.(?!\d)")
PIECES = re.compile(r"[，,：:、（）()【】\[\]“”\"‘’《》<>—―─–|]+|\s{2,}|(?<=[\u4e00-\u9fff])\s(?=[\u4e00-\u9fff])")

# Numbers, addresses of mail and what was masked already.
NUMBERS = re.compile(
    r"\+?\d[\d\s\-－()（）·.]{5,}[\dXx]|[0-9０-９]{7,}|[\w-]*\*{2,}[\w-]*|[\w.]+@[\w.]+|https?://[!-~]+", re.ASCII
)
SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
    "余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
    "欧"
)
TITLES = (
    "先生|女士|小姐|太太|师傅|大爷|大妈|阿姨|同志|某某?|老师|医生|护士|书记|队长|经理|主任|老板|局长|所长|村长|校长"
)
NAMES = re.compile(
    rf"(?:(?:名字?叫做?|我叫|本人叫|姓名(?:是|为)?|联系人(?:是|为)?|户主(?:是|为)?|当事人(?:是|为)?|本人)\s*[{SURNAMES}][\u4e00-\u9fff]{{1,2}}(?![\u4e00-\u9fff])"
    rf"|[{SURNAMES}][\u4e00-\u9fff]{{0,2}}(?:{TITLES}))"
)
ADDRESSED = re.compile(
    r"(?:尊敬|敬爱|亲爱)的[^，,。！!：:；;\s]{0,16}?(?:领导|书记|市长|省长|县长|区长|镇长|局长|厅长|主任|部长|所长|校长|部门|同志|政府|工作人员|先生|女士|党委|主席|编辑|老师|朋友|部)们?(?:[您你]们?好)?"
    r"|(?:尊敬|敬爱|亲爱)的?"
)
COURTESY = re.compile("尊敬|敬爱|领导|感谢|谢谢|[您你]们?好|辛苦")
SELF = re.compile(
    r"^(?:我们?|本人|俺们?|咱们?|鄙人|诉求人|来电人|市民|群众)?(?:名?叫|姓(?!名权)|今年|的?(?:姓名|电话|手机|联系方式|身份证|联系人|住址|地址)|系(?=.{0,12}(?:人|民|员|工|生)$)|是(?=.{0,24}(?:业主|居民|村民|住户|市民|租户|学生|家长|员工|职工|老百姓|公民|网友|群众|人|户主|商户|司机|退伍军人|农民工|女儿|儿子|用户|车主|购房者|消费者)们?(?:之一)?$))"
)
LIVES = re.compile(
    r"^(?:我们?|本人|俺们?|家)?家?(?:是)?(?:居?住|租住|租)(?:在|于)?|^(?:我们?|本人|俺们?)家?(?:是)?在(?=.{2,})|^(?:我们?|本人)?家住"
)
GREETING = re.compile(
    r"^(?:(?:尊敬|敬爱|亲爱)的?[^，,。！!]{0,14}?(?:领导|书记|市长|省长|县长|区长|镇长|局长|厅长|主任|部门|同志|政府|工作人员|先生|女士|党委|各位|总理|主席|编辑|老师|朋友)[们人]?"
    r"|(?:各位|市|区|县|省|相关|有关|上级|政府|敬爱)*(?:领导|书记|市长|省长|县长|区长|局长|厅长|主任|同志|工作人员|话务员|接线员|客服|编辑|网友|青天大老爷)(?:们|同志|大人)*(?=您|你|好|$)"
    r"|[您你大]们?家?好[啊呀吗吧的]?|早上好|上午好|中午好|下午好|晚上好|早安|晚安|喂+|哎+|嗯+|呃+|啊+|哦+|hello|hi|好$|那个|这个(?=我|就)|打扰(?:了|一下|您|你)*|不好意思|对不起|麻烦(?:您|你|问|一下)*|辛苦(?:了|您|你|一下)*|劳驾|百忙之中[^，,]*|冒昧[^，,]*"
    r"|谢谢(?:您|你|啦|了|大家)*|感谢[^，,]{0,12}$|此致|敬礼|12345热?线?|市民?热线|你们?热线)+",
    re.I,
)
# What leads up to the matter and says nothing of it.
LEAD = re.compile(
    r"^(?:我们?|本人|俺们?|市民|群众|来电人?|诉求人|业主|现)?(?:就是(?:说)?|是这样(?:子)?的?|是因为|事情是这样的?|情况如下|情况是|今天|现在|特此|在此|再次|多次|实名|强烈|紧急|诚恳|恳请|谨此|今|现|向(?:您|你|贵|各位|上级|市|政府|有关|相关)*(?:领导|政府|部门)?[们处]?|因为?(?=要|需|我)|想要?|要|来|跟您?|给您?|和您?|在这里?|这里)*"
    r"(?:请问|问|咨询|了解|反映|反应|投诉|举报|求助|请教|建议|呼吁|说|说明|汇报|报告|打听|问问|讲|反馈|申诉|控诉|质疑|请求|要求|希望|恳求)(?:一下|下|个|一个|几个|一件事|个事|个事情|一个问题|问题|情况|如下|的是|说)*(?:关于|有关|就)?"
)
SAYS_NOTHING = re.compile(
    r"^(?:关于$|诉求$|问题$|.$|谢谢|感谢|望(?=领导|有关|相关|政府|贵|您|能|尽|早|批|及|给|予|查|上级|部门|得到|解决|重视|回复)|盼|请(?:领导|政府|有关|相关|贵|您|你|问$|查|核实|尽快|及时|给予|予以|求|协调|帮)|希望|恳请|急盼|敬请|特此|以上|如下|事情|情况|因此|所以|但是|而且|然后|不知道?(?:该|怎么|如何)?$|怎么办|为什么$|为何$|是不是$|对吗|好吗|可以吗|请问$|原因|首先|其次|第[一二三]|一是|二是|1|2|3|[一二三四]$|(?:19|20)\d\d年?(?:\d+月)?(?:\d+[日号])?$|\d+月\d*[日号]?$|(?:昨|今|前|明)[天晚日]$|今年|去年|最近$|近期$|近日$|这几天$|每天(?:晚上|早上)?$|晚上$|凌晨$|上述|我(?:们)?$|他(?:们)?$|现在$|目前$|但$|并且$|结果$|后来$|可是$|可$|而$|且$|也$)"
)
TROUBLE = re.compile(
    r"着火|起火|火灾|冒烟|困|晕|触电|爆炸|溺|车祸|撞|跳楼|自杀|走失|走丢|噪|吵|扰民|漏|停[水电气暖]|断[水电]|坏|破|裂|塌|陷|堵|占|乱|脏|臭|味|垃圾|污|违|欠|拖欠|拒|退|费|价|骗|诈|假|不[给予肯让合开能通亮热发办达到]|没[有人]?|无法|无人|未|迟迟|难|缺|危险|隐患|损|毁|倒|掉|砸|伤|死|打|偷|丢|失|停工|烂尾|施工|夜间|装修|油烟|排放|积水|暖气|供暖|供水|电梯|路灯|井盖|停车|公交|学校|补贴|补偿|拆迁|征地|社保|医保|工资|户口|落户|公积金|房产证|办证|物业|业主|违建|违规|违法|流浪|狗|犬|摊|烧烤|广场舞|如何|怎么|怎样|何时|什么|哪里|能否|是否|多少|吗$|申请|办理|规划|建设|安装|加装|增设|改造|维修|开通|整治|治理|取消|调整|恢复"
)
PLACE = re.compile(
    r"(?:[A-Z0-9]{1,3}(?:[区市县]+)?)?[\u4e00-\u9fff·A-Z0-9]{2,12}?(?:小区|社区|家园|花园|新村|新城|公寓|大厦|广场|学校|小学|中学|大学|幼儿园|医院|公园|市场|工地|大桥|地铁站|车站|[一-龥](?:路|街|巷|胡同|村|镇|乡|苑|府|庭|湾|站|院|桥|河|里))"
    r"(?:\d{1,4}号?(?:楼|院|栋|弄|幢)?)?"
)
BREAKS = re.compile(r"(?<=[了的着过])|(?=[和与及且但而并]|因为|导致|造成|致使|影响|以至)|(?<=\s)")
EDGES = " 　\t，,。.、；;：:！!？?…~～-—_/\\|·*#@（）()【】[]“”\"'‘’《》<>"
TAIL = re.compile(
    r"(?:的|了|和|与|及|在|因为?|导致|造成|以及|但是?|而且?|并且?|且|把|被|对|给|向|从|到|为|是|有|我们?|他们?|这|那|一|也|就|都|还|又|请问|希望|请)$"
)


def made_title(matter: str, place: str = "", category: str = "") -> str:
    """Return a title of at most LONGEST characters, never empty: where it is, and what the matter is."""
    pieces = _pieces(matter)
    core = _matter_of(pieces)
    where = _short_place(place) or ("" if PLACE.search(core) else _place_in(pieces))
    core = core or category or ("" if where else NOTHING_SAID)
    if where in core or core in where:
        where = ""
    if len(core) > LONGEST - len(where) < LEAST_OF_MATTER:
        where = ""
    return (where + _cut(core, LONGEST - len(where))) or where or NOTHING_SAID


def _pieces(matter: str) -> list[str]:
    """Return the parts of its sentences, without greetings, without who speaks, without what leads up to the matter."""
    text = ADDRESSED.sub("。", NUMBERS.sub(" ", without_invisible(matter).replace("　", " ")))
    text = NAMES.sub("", text)
    parts = [part for sentence in SENTENCES.split(text) for part in PIECES.split(sentence)]
    bare = [piece for piece in map(_plain, parts) if piece]
    pieces = [piece for piece in bare if not SAYS_NOTHING.match(piece)]
    # A letter that only asks for help says at least that.
    pieces = pieces or [piece for piece in bare if len(piece) >= SHORTEST]
    polite = [COURTESY.sub("", piece).strip(EDGES) for piece in pieces]
    return [piece for piece in pieces if not COURTESY.search(piece)] or [piece for piece in polite if len(piece) > 1]


def _plain(part: str) -> str:
    piece, before = part.strip(EDGES), None
    while piece != before:
        before = piece
        piece = GREETING.sub("", piece).strip(EDGES)
        if SELF.match(piece):
            return ""
        piece = LIVES.sub("", piece)
        shorter = LEAD.sub("", piece).strip(EDGES)
        piece = shorter if shorter != piece and len(shorter) >= 2 else ("" if not shorter else piece)
    return piece if re.search(r"\w", piece) else ""


def _matter_of(pieces: list[str]) -> str:
    """Return the piece that names a trouble best, an early one before a late one, with its neighbours where it is short."""
    if not pieces:
        return ""
    early = [number for number, piece in enumerate(pieces[:EARLY]) if TROUBLE.search(piece)]
    best = max(early, key=lambda number: _weight(pieces[number]) - LATENESS * number, default=0)
    core, before = pieces[best], pieces[best - 1] if best else ""
    is_place = bool(PLACE.fullmatch(before))
    if before and len(core) + len(before) < LONGEST and (is_place or len(core) < SHORTEST):
        core = f"{before}{'' if is_place else '，'}{core}"
    for piece in pieces[best + 1 :]:
        if len(core) >= SHORTEST or len(core) + len(piece) >= LONGEST:
            break
        core = f"{core}，{piece}"
    return core


def _weight(piece: str) -> int:
    return min(len(TROUBLE.findall(piece)), 3) + (len(piece) >= SHORTEST)


def _short_place(place: str) -> str:
    text = NUMBERS.sub("", without_invisible(place)).strip(EDGES)
    text = re.split(r"[（(，,;；]", text)[0].strip(EDGES)
    if len(text) <= LONGEST_PLACE:
        return text
    named = [match[0] for match in PLACE.finditer(text)]
    return named[-1] if named and len(named[-1]) <= LONGEST_PLACE else text[-LONGEST_PLACE:]


def _place_in(pieces: list[str]) -> str:
    for piece in pieces[:4]:
        match = PLACE.search(piece)
        if match and match.start() <= 2 and len(match[0]) <= LONGEST_PLACE:
            return match[0]
    return ""


def _cut(text: str, most: int) -> str:
    """Cut where a word ends, where one does: at a comma, behind a particle, before a conjunction, at a blank."""
    if len(text) <= most:
        return text.rstrip(EDGES)
    comma = text.rfind("，", SHORTEST, most + 1)
    breaks = [match.start() for match in BREAKS.finditer(text) if SHORTEST <= match.start() <= most]
    end = comma if comma > 0 else max(breaks, default=most)
    return TAIL.sub("", text[:end].rstrip(EDGES)).rstrip(EDGES)
