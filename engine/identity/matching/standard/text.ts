const cyrillic: { [letter: string]: string } = {
  а: 'a',
  б: 'b',
  в: 'v',
  г: 'g',
  ґ: 'g',
  д: 'd',
  е: 'e',
  ё: 'e',
  є: 'e',
  ж: 'zh',
  з: 'z',
  и: 'i',
  і: 'i',
  ї: 'i',
  й: 'i',
  к: 'k',
  л: 'l',
  м: 'm',
  н: 'n',
  о: 'o',
  п: 'p',
  р: 'r',
  с: 's',
  т: 't',
  у: 'u',
  ў: 'u',
  ф: 'f',
  х: 'kh',
  ц: 'ts',
  ч: 'ch',
  ш: 'sh',
  щ: 'shch',
  ъ: '',
  ы: 'y',
  ь: '',
  э: 'e',
  ю: 'iu',
  я: 'ia',
}
const arabic: { [letter: string]: string } = {
  ا: 'a',
  أ: 'a',
  إ: 'i',
  آ: 'a',
  ب: 'b',
  ت: 't',
  ث: 'th',
  ج: 'j',
  ح: 'h',
  خ: 'kh',
  د: 'd',
  ذ: 'dh',
  ر: 'r',
  ز: 'z',
  س: 's',
  ش: 'sh',
  ص: 's',
  ض: 'd',
  ط: 't',
  ظ: 'z',
  ع: 'a',
  غ: 'gh',
  ف: 'f',
  ق: 'q',
  ك: 'k',
  ل: 'l',
  م: 'm',
  ن: 'n',
  ه: 'h',
  و: 'w',
  ي: 'y',
  ى: 'a',
  ة: 'a',
  ء: '',
  ئ: 'y',
  ؤ: 'w',
}
// The most frequent surnames and letters of given names; a name outside of the list stays as it is.
const han: { [letter: string]: string } = Object.fromEntries(
  (
    '王 wang 李 li 张 zhang 張 zhang 刘 liu 劉 liu 陈 chen 陳 chen 杨 yang 楊 yang 赵 zhao 趙 zhao 黄 huang 黃 huang 周 zhou 吴 wu 吳 wu ' +
    '徐 xu 孙 sun 孫 sun 胡 hu 朱 zhu 高 gao 林 lin 何 he 郭 guo 马 ma 馬 ma 罗 luo 羅 luo 梁 liang 宋 song 郑 zheng 鄭 zheng ' +
    '谢 xie 謝 xie 韩 han 韓 han 唐 tang 冯 feng 馮 feng 于 yu 董 dong 萧 xiao 程 cheng 曹 cao 袁 yuan 邓 deng 鄧 deng 许 xu 許 xu ' +
    '傅 fu 沈 shen 曾 zeng 彭 peng 吕 lu 呂 lu 苏 su 蘇 su 卢 lu 盧 lu 蒋 jiang 蔣 jiang 蔡 cai 贾 jia 丁 ding 魏 wei 薛 xue 叶 ye 葉 ye ' +
    '伟 wei 偉 wei 芳 fang 娜 na 秀 xiu 英 ying 敏 min 静 jing 靜 jing 丽 li 麗 li 强 qiang 強 qiang 磊 lei 军 jun 軍 jun 洋 yang 勇 yong ' +
    '艳 yan 杰 jie 傑 jie 娟 juan 涛 tao 濤 tao 明 ming 超 chao 兰 lan 蘭 lan 霞 xia 平 ping 刚 gang 剛 gang 桂 gui 华 hua 華 hua 建 jian ' +
    '国 guo 國 guo 文 wen 红 hong 紅 hong 玉 yu 梅 mei 春 chun 海 hai 燕 yan 晓 xiao 曉 xiao 小 xiao 龙 long 龍 long 飞 fei 飛 fei 鹏 peng 志 zhi'
  )
    .split(' ')
    .flatMap((word, at, words) => (at % 2 === 0 ? [[word, words[at + 1] as string]] : [])),
)
const special: { [letter: string]: string } = {
  ä: 'ae',
  ö: 'oe',
  ü: 'ue',
  ß: 'ss',
  æ: 'ae',
  ø: 'oe',
  å: 'a',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
  œ: 'oe',
  ...cyrillic,
  ...arabic,
}

/**
 * Text for comparison: lower case, umlauts written out, accents gone, Cyrillic, Arabic and the commonest Chinese
 * letters in Latin, everything else but letters and digits a blank. The original is kept elsewhere.
 */
export function fold(text: string): string {
  let plain = text.toLowerCase()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is the case that needs no work
  if (!/^[\x00-\x7f]*$/.test(plain)) {
    plain = plain
      .normalize('NFC')
      .replaceAll(/[^a-z0-9 ]/gu, (letter) => special[letter] ?? (han[letter] ? ` ${han[letter]} ` : letter))
      .normalize('NFKD')
      .replaceAll(/\p{M}+/gu, '')
  }
  return plain
    .replaceAll(/['’`´.]/g, '')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}

/** Digits alone. */
export function digitsOf(text: string): string {
  return text.replaceAll(/[^0-9]/g, '')
}
