/* zip_format.h: the records of a zip archive, for zip.c and zip_write.c: their marks and sizes without name and extra
   fields (PKWARE APPNOTE.TXT 6.3, section 4.3). */
#ifndef CN__ZIP_FORMAT_H
#define CN__ZIP_FORMAT_H
#include "base.h"

#define CN__ZIP_LOCAL      0x04034b50u                   /* before each member */
#define CN__ZIP_DESCRIPTOR 0x08074b50u                   /* behind one */
#define CN__ZIP_ENTRY      0x02014b50u                   /* of the directory */
#define CN__ZIP_END        0x06054b50u
#define CN__ZIP_END64      0x06064b50u                   /* zip64's, with its locator before the end record */
#define CN__ZIP_LOCATOR    0x07064b50u
enum { CN__ZIP_LOCAL_SIZE = 30, CN__ZIP_ENTRY_SIZE = 46, CN__ZIP_END_SIZE = 22, CN__ZIP_END64_SIZE = 56,
       CN__ZIP_LOCATOR_SIZE = 20, CN__ZIP_EXTRA64 = 1, CN__ZIP_MOST_MEMBERS = 10000 };
#define CN__ZIP_IN_64 UINT32_MAX                         /* of a size or an offset: see the extra field */
#endif
